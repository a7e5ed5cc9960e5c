"""Verifies tokens of Latchkey's exchange and returns their principals. Needs PyJWT (2.6 or later) with cryptography."""

import json
import math
import sys
import time
from http.client import HTTPException
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import jwt

LONGEST_TOKEN = 16 * 1024
# Seconds: to wait for a response, between two fetches of the keys, and of tolerated clock difference.
TIMEOUT, COOLDOWN, LEEWAY = 5, 30, 10
REQUIRED = ["iss", "sub", "aud", "iat", "exp", "auth_mode", "aliases"]


class TokenRefused(Exception):
    """The token is not valid. The message contains nothing from the token, so it is safe to log."""


class KeysUnavailable(Exception):
    """The server's documents cannot be fetched, which says nothing about the token."""


class NoRedirect(HTTPRedirectHandler):
    """Keys come only from the requested URL."""

    def redirect_request(self, *_):
        return None


def read_json(url):
    """Reads one of the server's documents, over TLS or from this machine."""
    address = urlsplit(url)
    is_local = address.scheme == "http" and address.hostname in ("localhost", "127.0.0.1")
    if address.scheme != "https" and not is_local:
        raise KeysUnavailable("expected an https URL")
    try:
        with build_opener(NoRedirect).open(url, timeout=TIMEOUT) as response:
            return dict(json.load(response))
    except (OSError, HTTPException, TypeError, ValueError) as error:
        raise KeysUnavailable(type(error).__name__) from error


class ServerKeys(jwt.PyJWKClient):
    """The server's keys, fetched at most once per cooldown, however many unknown key ids arrive."""

    fetched_at, fetched = -math.inf, None

    def fetch_data(self):
        if time.monotonic() - self.fetched_at >= COOLDOWN:
            self.fetched_at, self.fetched = time.monotonic(), None
            self.fetched = read_json(self.uri)
            self.jwk_set_cache.put(self.fetched)
        if self.fetched is None:
            raise KeysUnavailable("the last fetch failed a moment ago")
        return self.fetched


class Verifier:
    """Verifies tokens of one issuer, for one audience, signed by one of a few algorithms."""

    def __init__(self, issuer, audience, algorithms):
        metadata = read_json(f"{issuer}/.well-known/oauth-authorization-server")
        if metadata.get("issuer") != issuer:
            raise ValueError("the document belongs to another issuer")
        self.keys = ServerKeys(metadata["jwks_uri"])
        self.expected = {"issuer": issuer, "audience": audience, "algorithms": list(algorithms)}

    def principals(self, token):
        """Returns the user's principal and its aliases: rows of each of them belong to this user."""
        try:
            return self.decode(token)
        except KeysUnavailable:
            raise
        # A malicious token can make PyJWT raise many kinds of errors: each of them rejects the token.
        except Exception as error:
            raise TokenRefused(type(error).__name__) from None

    def decode(self, token):
        if len(token) > LONGEST_TOKEN:
            raise jwt.DecodeError("too long")
        if jwt.get_unverified_header(token).get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("another kind of token")
        key = self.keys.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, key, **self.expected, leeway=LEEWAY, options={"require": REQUIRED})
        return [claims["sub"], *claims["aliases"]]


def result_of(verifier, token):
    try:
        return {"principals": verifier.principals(token)}
    except (TokenRefused, KeysUnavailable) as error:
        return {type(error).__name__: str(error)}


if __name__ == "__main__":
    # Tokens come from standard input, one per line: every user of the machine can read arguments.
    issuer, audience, *algorithms = sys.argv[1:]
    verifier = Verifier(issuer, audience, algorithms)
    for line in sys.stdin:
        print(json.dumps(result_of(verifier, line.strip())), flush=True)
