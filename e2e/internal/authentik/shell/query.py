def ssocheck():
    """Prints what the OAuth2 providers of Paperless are, as one line of JSON. It only reads."""
    import hashlib
    import hmac
    import json
    import os
    import re
    import signal

    signal.alarm(30)
    ask = json.loads(os.environ["SSOCHECK_ASK"])
    answer = {"providers": [], "applications": [], "others": 0, "notes": []}

    def digest(text):
        return hmac.new(ask["salt"].encode(), text.encode(), hashlib.sha256).hexdigest()

    def prints(secret):
        if not secret:
            return {}
        out = {"whole": digest(secret)}
        if len(secret) <= 256:
            out["without"] = [digest(secret[:i] + secret[i + 1 :]) for i in range(len(secret))]
        if "$" in secret:
            lost = re.sub(r"\$(\$|\{[^}]*\}|[A-Za-z_][A-Za-z0-9_]*|[0-9*#@!?-])", "", secret)
            out["dollar"] = [digest(lost), digest(secret.replace("$$", "$"))]
        return out

    def uris(provider):
        have = provider.redirect_uris
        if isinstance(have, str):  # before 2024.12, regular expressions
            return [{"matching_mode": "regex", "url": line} for line in have.split()]
        out = []
        for one in have:
            get = one.get if isinstance(one, dict) else lambda name, one=one: getattr(one, name)
            mode = get("matching_mode")
            out.append({"matching_mode": str(getattr(mode, "value", mode)), "url": get("url")})
        return out

    def members(group, depth=0):
        """Users of the group and of the groups below it, who are members too; -1: not known."""
        try:
            count = group.users.count()
            for below in group.children.all()[:50]:
                if count or depth > 8:
                    break
                more = members(below, depth + 1)
                if more < 0:
                    return -1
                count += more
            return count
        except Exception:
            return -1

    def application(app):
        from authentik.policies.models import PolicyBinding

        out = {"name": app.name, "slug": app.slug, "provider": app.provider_id is not None, "bindings": []}
        out["mode"] = str(getattr(app, "policy_engine_mode", "any"))
        for b in PolicyBinding.objects.filter(target=app.pbm_uuid, enabled=True).order_by("order"):
            one = {"negate": b.negate}
            if b.group_id:
                one["group"], one["members"] = b.group.name, members(b.group)
            elif b.user_id:
                one["user"] = True
            elif b.policy_id:
                policy = b.policy
                text = str(getattr(policy, "expression", "")).strip()
                one["policy"], one["denies"] = policy.name, text == "return False"
            out["bindings"].append(one)
        return out

    def scopes(provider):
        out = []
        for m in provider.property_mappings.all().select_subclasses():
            if not hasattr(m, "scope_name"):
                continue
            managed = bool(m.managed)
            out.append({"name": m.name, "scope_name": m.scope_name, "managed": managed, "expression": "" if managed else m.expression})
        return out

    def provider(p):
        try:
            app = p.application
        except Exception:
            app = None
        return {
            "name": p.name,
            "client_id": p.client_id,
            "client_type": str(p.client_type),
            "secret": prints(p.client_secret),
            "redirect_uris": uris(p),
            "signing_key": p.signing_key_id is not None,
            "encryption_key": getattr(p, "encryption_key_id", None) is not None,
            "sub_mode": str(p.sub_mode),
            "issuer_mode": str(p.issuer_mode),
            "grant_types": [str(g) for g in p.grant_types] if hasattr(p, "grant_types") else None,
            "access_code_validity": p.access_code_validity,
            "access_token_validity": p.access_token_validity,
            "authorization_flow": p.authorization_flow.slug if p.authorization_flow_id else "",
            "scopes": scopes(p),
            "application": application(app) if app else None,
        }

    def theirs(p, app):
        if p.client_id in ask["client_ids"]:
            return True
        text = " ".join([p.name, app.slug if app else ""]).lower()
        if "paperless" in text or (app and app.slug in ask["slugs"]):
            return True
        return any(host and host in u["url"] for host in ask["hosts"] for u in uris(p))

    def read():
        from authentik.core.models import Application
        from authentik.providers.oauth2.models import OAuth2Provider

        for p in OAuth2Provider.objects.order_by("pk")[:500]:
            try:
                app = p.application
            except Exception:
                app = None
            if len(answer["providers"]) < 20 and theirs(p, app):
                answer["providers"].append(provider(p))
            else:
                answer["others"] += 1
        for app in Application.objects.filter(slug__in=ask["slugs"])[:20]:
            answer["applications"].append(application(app))
        try:
            from authentik.brands.models import Brand

            brand = Brand.objects.filter(default=True).first()
            if brand:
                flow = brand.flow_authentication
                answer["brand"] = {"domain": brand.domain, "flow": flow.slug if flow else ""}
        except Exception as exc:
            answer["notes"].append("the brand: " + type(exc).__name__)

    try:
        import authentik

        version = getattr(authentik, "__version__", None) or authentik.authentik_version()
        answer["version"] = str(version)
    except Exception as exc:
        answer["notes"].append("the version: " + type(exc).__name__)
    try:
        from django.db import connection, transaction

        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
            read()
    except Exception as exc:
        answer["error"] = type(exc).__name__ + ": " + str(exc)[:200]
    print("\nssocheck-answer:" + json.dumps(answer), flush=True)


ssocheck()
