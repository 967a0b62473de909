"""Clients whose id is the address of a document that describes them."""

from lingpai.issuer.dialects.oidc.client_documents.documents import ClientDocuments

__all__ = ["ClientDocuments"]
