"""A small Dashboard around the app's pages: as much of Saleor's as a demo and the browser tests need.

It frames the pages as the real one does (sandboxed, with the same query), and speaks the App Bridge of Dashboard 3.23.
"""
