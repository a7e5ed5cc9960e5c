"""Says whose a token of Latchkey's exchange is. Needs PyJWT (2.6 or later) with cryptography."""

import json
import math
import sys
import time
from http.client import HTTPException
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import jwt

LONGEST_TOKEN = 16 * 1024
# Seconds: for an answer, between two fetches of the keys, and that two clocks may differ.
PATIENCE, COOLDOWN, SKEW = 5, 30, 10
REQUIRED = ["iss", "sub", "aud", "iat", "exp", "auth_mode", "aliases"]


class TokenRefused(Exception):
    """The token does not hold. Says nothing of what is in it, so that it can be logged."""


class KeysUnavailable(Exception):
    """The server's documents cannot be fetched, which is no verdict on a token."""


class NoRedirect(HTTPRedirectHandler):
    """Keys come from the address that was asked, and from nowhere else."""

    def redirect_request(self, *_):
        return None


def read_json(url):
    """Reads one of the server's documents, over TLS or from this very machine."""
    address = urlsplit(url)
    is_local = address.scheme == "http" and address.hostname in ("localhost", "127.0.0.1")
    if address.scheme != "https" and not is_local:
        raise KeysUnavailable("expected an https address")
    try:
        with build_opener(NoRedirect).open(url, timeout=PATIENCE) as answer:
            return dict(json.load(answer))
    except (OSError, HTTPException, TypeError, ValueError) as error:
        raise KeysUnavailable(type(error).__name__) from error


class ServerKeys(jwt.PyJWKClient):
    """The server's keys. However many unknown key ids come, they are fetched once in a while."""

    asked_at, fetched = -math.inf, None

    def fetch_data(self):
        if time.monotonic() - self.asked_at >= COOLDOWN:
            self.asked_at, self.fetched = time.monotonic(), None
            self.fetched = read_json(self.uri)
            self.jwk_set_cache.put(self.fetched)
        if self.fetched is None:
            raise KeysUnavailable("asked a moment ago")
        return self.fetched


class Verifier:
    """Verifies tokens of one issuer, for one audience, signed by one of a few algorithms."""

    def __init__(self, issuer, audience, algorithms):
        metadata = read_json(f"{issuer}/.well-known/oauth-authorization-server")
        if metadata.get("issuer") != issuer:
            raise ValueError("the document is another issuer's")
        self.keys = ServerKeys(metadata["jwks_uri"])
        self.expected = {"issuer": issuer, "audience": audience, "algorithms": list(algorithms)}

    def principals(self, token):
        """Returns the person's principal and its aliases: rows of each are this person's."""
        try:
            return self.decode(token)
        except KeysUnavailable:
            raise
        # PyJWT fails in many ways on a token that was made for it to fail on: each is a refusal.
        except Exception as error:
            raise TokenRefused(type(error).__name__) from None

    def decode(self, token):
        if len(token) > LONGEST_TOKEN:
            raise jwt.DecodeError("too long")
        if jwt.get_unverified_header(token).get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("another kind of token")
        key = self.keys.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, key, **self.expected, leeway=SKEW, options={"require": REQUIRED})
        return [claims["sub"], *claims["aliases"]]


def verdict(verifier, token):
    try:
        return {"principals": verifier.principals(token)}
    except (TokenRefused, KeysUnavailable) as error:
        return {type(error).__name__: str(error)}


if __name__ == "__main__":
    # Tokens come by standard input, one a line: everybody on the machine sees arguments.
    issuer, audience, *algorithms = sys.argv[1:]
    verifier = Verifier(issuer, audience, algorithms)
    for line in sys.stdin:
        print(json.dumps(verdict(verifier, line.strip())), flush=True)
