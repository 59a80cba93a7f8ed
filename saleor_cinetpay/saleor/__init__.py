"""Saleor's side: manifest, registration, signatures and GraphQL. It knows nothing of CinetPay."""
