"""A small storefront, and a live view of what its Saleor holds and of the messages to and fro."""
