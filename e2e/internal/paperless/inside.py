def ssocheck():
    """Looks from where Paperless stands, and prints one line of JSON. It only asks (GET)."""
    import hashlib
    import hmac
    import json
    import os
    import re
    import signal
    import socket
    import urllib.error
    import urllib.request
    from urllib.parse import urlsplit

    signal.alarm(40)
    ask = json.loads(os.environ["SSOCHECK_ASK"])
    answer = {"files": {}, "addresses": []}

    # What the services get, which differs from this process by *_FILE secrets.
    services = "/run/s6/container_environment"
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        try:
            with open(os.path.join(services, name)) as f:
                os.environ[name] = f.read().rstrip("\n")
        except OSError:
            pass

    def digest(text):
        return hmac.new(ask["salt"].encode(), text.encode(), hashlib.sha256).hexdigest()

    for path in ask["files"]:
        try:
            with open(path) as f:
                text = f.read(1 << 16)
            answer["files"][path] = {"there": True, "print": digest(text), "stripped": digest(text.rstrip("\r\n"))}
        except OSError as exc:
            answer["files"][path] = {"there": False, "error": exc.strerror or type(exc).__name__}

    try:
        with open("/usr/src/paperless/src/paperless/version.py") as f:
            found = re.search(r"\((\d+), *(\d+), *(\d+)\)", f.read())
        answer["version"] = ".".join(found.groups())
    except (OSError, AttributeError):
        pass

    def page(url, host, limit):
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)
        request = urllib.request.Request(url, headers={"Host": host, "X-Forwarded-Proto": ask["scheme"], "X-Forwarded-Host": host})
        try:
            with opener.open(request, timeout=10) as r:
                return {"status": r.status, "body": r.read(limit).decode("utf-8", "replace")}
        except urllib.error.HTTPError as exc:
            return {"status": exc.code, "location": exc.headers.get("Location") or "", "body": exc.read(limit).decode("utf-8", "replace")}
        except Exception as exc:
            return {"status": 0, "error": str(exc)[:300]}

    if ask["page"]:
        answer["page"] = page(ask["page"], ask["host"], 1 << 18)

    url = ask["discovery"]
    if url:
        parts = urlsplit(url)
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), proto=socket.IPPROTO_TCP)
            answer["addresses"] = sorted({one[4][0] for one in found})
        except OSError as exc:
            answer["resolve"] = str(exc)
        except UnicodeError as exc:
            answer["resolve"] = str(exc)
        try:
            import requests

            def fetch():
                with requests.get(url, timeout=ask["seconds"], stream=True) as r:
                    return r.raw.read(1 << 18, decode_content=True), {"status": r.status_code, "type": r.headers.get("Content-Type", ""), "url": r.url}

            try:
                body, one = fetch()
            except requests.exceptions.ReadTimeout:  # once may be a busy machine
                body, one = fetch()
            try:
                document = json.loads(body)
                keys = ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "id_token_signing_alg_values_supported")
                one["document"] = {k: document.get(k) for k in keys if isinstance(document, dict)}
                one["json"] = isinstance(document, dict)
            except ValueError:
                one["json"] = False
            answer["discovery"] = one
        except Exception as exc:
            answer["discovery"] = {"status": 0, "error": type(exc).__module__ + "." + type(exc).__name__ + ": " + str(exc)[:1000]}
    print("\nssocheck-answer:" + json.dumps(answer), flush=True)


ssocheck()
