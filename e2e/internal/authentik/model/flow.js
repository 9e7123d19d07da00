// The flow executor as a browser test meets it: custom elements in open shadow
// roots, stages that replace each other in place without a load event, and the
// helper form for password managers in the light DOM, a decoy for tests.
(() => {
	const host = document.querySelector("ak-flow-executor");
	// "header" up to 2025.6, "card" in 2025.8, "labels" from 2025.10, "drawer" from
	// 2025.12, "heading" from 2026.5.
	const shape = host.dataset.shape;
	const labels = shape !== "header" && shape !== "card";
	const heading = shape === "heading";
	const base = location.pathname.split("/if/flow/")[0]; // authentik may live under a path
	const api = `${base}/api/v3/flows/executor/${host.getAttribute("slug") ?? host.getAttribute("flowSlug")}/?query=${encodeURIComponent(location.search.slice(1))}`;
	const delays = host.dataset.draw.split(" ").map(Number);
	let drawn = 0;
	// later waits as long as the next thing to be drawn takes.
	const later = () => new Promise((done) => setTimeout(done, delays[drawn++ % delays.length]));
	const cookie = (name) => (document.cookie.split("; ").find((c) => c.startsWith(name + "=")) ?? "=").split("=")[1];

	const style = `
		:host, ak-flow-card { display: block; }
		h1 { font-size: 1.6rem; font-weight: 500; margin: 0 0 1rem; }
		label, .pf-c-form__helper-text { display: block; }
		input { display: block; box-sizing: border-box; width: 100%; padding: .5rem; margin: .25rem 0 1rem; font: inherit; }
		button { width: 100%; padding: .6rem; border: 0; background: #fd4b2d; color: #fff; font: inherit; cursor: pointer; }
		a { color: #7cb8ff; }
		.pf-m-error { color: #ff9c86; }
		footer { margin-top: 2rem; font-size: .8rem; opacity: .7; }`;

	const el = (tag, attributes = {}, ...children) => {
		const node = document.createElement(tag);
		for (const [name, value] of Object.entries(attributes)) {
			node.setAttribute(name, value);
		}
		node.append(...children.flat());
		return node;
	};
	const shadow = (node, ...children) => {
		node.attachShadow({ mode: "open" }).append(el("style", {}, style), ...children.flat());
		return node;
	};

	// Where a stage stands: from 2026.5 on in <main> itself.
	const context = el(heading ? "main" : "ak-locale-context");
	const begin = () => shadow(host).shadowRoot.append(el(heading ? "div" : "main", { class: "pf-c-login__main", style: "width:min(26rem,90vw);padding:2rem;background:#212427;border-top:3px solid #fd4b2d" },
		context, el("footer", {}, "Powered by authentik")));

	let decoy = el("form", { style: "position:absolute;bottom:0;left:0" },
		el("input", { type: "text", name: "username", autocomplete: "username" }),
		el("input", { type: "password", name: "password", autocomplete: "current-password" }),
		el("input", { type: "text", name: "code", autocomplete: "one-time-code" }));

	const problems = (challenge, field) => (challenge.response_errors?.[field] ?? [])
		.map((e) => el("p", { class: "pf-c-form__helper-text pf-m-error" }, e.string));

	// The message of a field stands in the shadow of its element up to 2025.8,
	// and in the stage itself from 2025.10.
	const field = (challenge, name, label, input) => {
		const errors = problems(challenge, name);
		if (errors.length > 0) {
			input.setAttribute("aria-invalid", "true");
		}
		if (labels) {
			input.id ||= "ak-identifier-input";
			return el("div", { class: "pf-c-form__group" }, el("label", { for: input.id }, label), input, errors);
		}
		return shadow(el("ak-form-element", { label }, input), el("label", {}, label), el("slot"), ...errors);
	};
	const button = (text, name = "") => el("button", { type: "submit", class: "pf-c-button pf-m-primary pf-m-block", ...(heading && name && { name }) }, text);

	const send = async (body) => {
		const response = await fetch(api, {
			method: "POST",
			headers: { "Content-Type": "application/json", Accept: "application/json", "X-authentik-CSRF": cookie("authentik_csrf") },
			body: JSON.stringify(body),
		});
		show(await response.json());
	};
	const form = (answer, ...children) => {
		const node = el("form", { class: "pf-c-form" }, ...children);
		node.addEventListener("submit", (event) => {
			event.preventDefault();
			send(answer(new FormData(node)));
		});
		return node;
	};

	// A stage has a shadow root of its own. Up to 2025.6 it holds its heading,
	// later a card does.
	const stage = (challenge, title, ...children) => {
		const node = el(challenge.component);
		if (shape === "header") {
			return shadow(node, el("header", { class: "pf-c-login__main-header" }, el("h1", { class: "pf-c-title pf-m-3xl" }, title)), ...children);
		}
		const card = shadow(el("ak-flow-card", {}, children.flat()), el("h1", { class: "pf-c-title pf-m-3xl" }, title), el("slot"));
		return shadow(node, card);
	};
	const user = (c) => shadow(el("ak-form-static", {}, el("a", { href: c.flow_info?.cancel_url ?? `${base}/flows/-/cancel/` }, "Not you?")),
		el("span", {}, c.pending_user + " "), el("slot"));
	const title = (c) => c.flow_info?.title ?? "authentik";

	const stages = {
		"ak-stage-identification": (c) => stage(c, title(c), form((data) => ({ component: c.component, uid_field: data.get("uidField") }),
			c.application_pre ? el("p", {}, `${heading ? "Log in" : "Login"} to continue to ${c.application_pre}.`) : [],
			field(c, "uid_field", "Email or Username", el("input", { type: "text", name: "uidField", placeholder: "Email or Username", autocomplete: "username", autofocus: "", required: "" })),
			button(c.primary_action ?? "Log in"))),
		"ak-stage-password": (c) => stage(c, title(c), form((data) => ({ component: c.component, password: data.get("password") }),
			user(c),
			el("input", { name: "username", type: "hidden", autocomplete: "username", value: c.pending_user }),
			el("ak-flow-input-password", {}, field(c, "password", "Password",
				el("input", { id: "ak-stage-password-input", type: "password", name: "password", placeholder: "Please enter your password", autocomplete: "current-password", required: "" }))),
			button("Continue", "continue"))),
		"ak-stage-consent": (c) => stage(c, title(c), form(() => ({ component: c.component, token: c.token }),
			user(c),
			el("h3", heading ? { "data-test-id": "stage-heading" } : { id: "header-text" }, c.header_text),
			el("ul", { id: "permissions", class: "pf-c-list" }, c.permissions.map((p) => el("li", { "data-permission-code": p.id }, p.name))),
			button("Continue", "continue"))),
		"ak-stage-access-denied": (c) => stage(c, title(c), shadow(el("ak-empty-state", {}, el("p", { slot: "body" }, c.error_message ?? "")),
			el("h1", {}, "Request has been denied."), el("slot", { name: "body" })), heading ? el("a", { href: `${base}/` }, "Go back") : []),
		"ak-stage-session-end": (c) => stage(c, title(c),
			heading
				? el("p", {}, `You've logged out of ${c.application_name}. You can go back to the overview to launch another application, or log out of your authentik account.`)
				: el("h1", {}, `You've logged out of ${c.application_name}.`),
			el("p", {}, el("a", { href: `${base}/`, class: "pf-c-button" }, "Go back to overview")),
			el("p", {}, el("a", { id: "logout", href: c.invalidation_flow_url, class: "pf-c-button" }, `Log out of ${c.brand_name}`)),
			el("p", {}, el("a", { href: c.application_launch_url, class: "pf-c-button" }, `Log back into ${c.application_name}`))),
		"ak-stage-flow-error": (c) => stage(c, "Whoops!", el("p", {}, "Something went wrong! Please try again later."), el("pre", {}, c.request_id ?? "")),
	};

	const show = async (challenge) => {
		if (challenge.component === "xak-flow-redirect") {
			location.assign(challenge.to);
			return;
		}
		document.title = title(challenge) + " - authentik";
		// The element is there before the script that draws it.
		context.replaceChildren(el(challenge.component));
		await later();
		if (challenge.component === "ak-stage-identification") {
			document.documentElement.append(decoy);
		} else {
			decoy.remove();
		}
		const render = stages[challenge.component] ?? stages["ak-stage-flow-error"];
		const node = render(challenge);
		context.replaceChildren(node);
		node.shadowRoot.querySelector("input:not([type=hidden])")?.focus();
	};
	addEventListener("load", async () => {
		await later();
		begin();
		show(await (await fetch(api, { headers: { Accept: "application/json" } })).json());
	});
})();
