"""A small provider of identities, OpenID Connect as far as the code flow goes, for the tests.

A server of its own that checks what a good one checks; `lie` makes it answer as a bad one does.
"""

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "the studio", "the studio's word"


class Provider:
    """Who comes is `person`, without being asked."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.person = {"sub": "ada", "name": "Ada"}
        self.lie: dict[str, Any] = {}  # claims that it makes false
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self.signs_with = self.key
        self.asked: dict[str, dict[str, str]] = {}  # by code

    def claims(self, asked: dict[str, str]) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.address,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
            **self.lie,
        }

    def check(self, request: Request, form: dict[str, str]) -> dict[str, str]:
        """Return what was asked when the code was given; raises HTTPException."""
        given = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        from urllib.parse import quote

        quoted = f"{quote(CLIENT)}:{quote(SECRET)}".encode()
        good = {f"Basic {given}", f"Basic {base64.b64encode(quoted).decode()}"}
        asked = self.asked.pop(form["code"], None)  # a code is good once
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            request.headers.get("authorization") not in good
            or asked is None
            or asked["code_challenge"] != proof
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            raise HTTPException(400, "invalid_grant")
        return asked


def _application(provider: Provider) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def about() -> dict[str, Any]:
        return {
            "issuer": provider.address,
            "authorization_endpoint": f"{provider.address}/authorize",
            "token_endpoint": f"{provider.address}/token",
            "jwks_uri": f"{provider.address}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return {"keys": [provider.key.as_dict(private=False)]}

    @app.get("/authorize")
    def authorize(request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert asked["scope"].split()[0] == "openid"
        code = secrets.token_hex(16)
        provider.asked[code] = asked
        query = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{query}", 302)

    @app.post("/token")
    async def token(request: Request) -> dict[str, Any]:
        form = {name: str(value) for name, value in (await request.form()).items()}
        asked = provider.check(request, form)
        signed = jwt.encode(
            {"alg": "RS256", "kid": "1"}, provider.claims(asked), provider.signs_with
        )
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}

    return app


@contextmanager
def provided() -> Iterator[Provider]:
    """Run a provider on a free port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    provider = Provider(f"http://127.0.0.1:{listening.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(_application(provider), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
