"""The desk: the pages that shop admins see in the frame that the Saleor Dashboard opens for the app.

How a request goes
    `GET /dashboard/...` without a token answers a shell without any data. Its script (static/desk/bridge.js) shakes
    hands with the Dashboard and gets a token; then (static/desk/desk.js) it fetches the same address with
    `Authorization: Bearer <token>`, and puts the page that comes into the shell. Links and forms go the same way, so
    a page is plain HTML: no script of its own, no inline style or script (the policy forbids both). `Desk` (desk.py)
    checks the token of every request and hands the page's handler a `Visit`. There are no cookies and a browser adds
    no bearer token by itself, so no other site can send a form in a person's name: no CSRF token is needed.

How to add a page
    1. A class in a module of its own here, with what it needs from the heart in its constructor, and two members:
       `section` (its entry in the navigation, or None) and `routes()`. See `payments_page.py`.

           section = Section(path="/refunds", title=text("Refunds"), order=30)

           def routes(self) -> Sequence[PageRoute]:
               return [PageRoute("/refunds", self.show), PageRoute("/refunds/{id}/paid", self.paid, method="POST")]

       Orders: Home 10 (path "/"), Payments 20, Refunds 30, History 40, Settings 50, Health 60. Paths stand below
       `/dashboard`. While nobody serves "/", the first section is shown there. `count` of a section may be an async
       function of the visitor that gives a number for the entry (0: none); it runs on each page, so it must be one
       indexed query.
    2. Wire it in `saleor_cinetpay/desk_pages.py`, nowhere else.
    3. A handler takes a `Visit` and returns one of
         `Page(template, title, values, status=200, alert=None)`  what to show;
         `Done(to, notice, tone=Tone.GOOD)`  a form's work is done: go on to the page `to`, and show the notice;
         `Download(name, media_type, chunks)`  a file, streamed; the link to it has the attribute `download`;
         `NotThere()`  404: what is asked for does not exist, or is another shop's.
       `visit.visitor` says who: `who`, `language`, `installation`. *Every* query is narrowed to
       `visitor.saleor_api_url`: what another shop has does not exist. `visit.part("id")` is a part of the path,
       `visit.asked("q")` a value of the query. `await visit.form()` reads a form: `form.text("name")` (stripped, ""
       where missing), `form.all("name")`, `form.checked("name")`. A `LedgerUnavailable` may pass through: the desk says
       "try again" with 503. A form that is refused answers `Page(..., status=422)` with the typed values and `errors`,
       a mapping of field name to `Text`. One that somebody else overtook answers 409 with `Alert(OVERTAKEN)`, and keeps
       what was typed: put the record's version in a hidden field, and compare it in the transaction that writes; where
       there is no version, `fingerprint(...)` of what the form showed will do.
    4. Templates extend "frame.html" and fill the block `content`. Given to every template: `say` (a literal sentence,
       or a `Text`), `visitor`, `language`, `title`, `errors`, `money(12500)`, `number(n)`, `day(date)`,
       `link("/refunds", q=..)` (an address of the desk; what is None or empty is left out), and `parts`, the macros of
       "parts.html": `field`, `choice`, `check`, `state`, `moment`, `copy`, `alert`, and `confirm`, which asks before
       something that can't be undone. A link into the Dashboard itself is `<a href="#" data-dashboard="/orders/...">`;
       a table that becomes cards on a phone has the class `stack`. One `h1`, which frame.html writes from `title`;
       headings without gaps; a label for each field; state in words and not in colour alone.
    5. French in the catalogue; tests in tests/app (`desk_kit.Staff` is a person with a real token) and tests/browser.

What is shown in a widget or a popup beside an order stands below `/dashboard/beside/`: it has no navigation, and never
changes the Dashboard's address.
"""
