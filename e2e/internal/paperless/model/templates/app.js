// The web application as far as a sign-in test sees it: it asks the API who is
// there, shows Django's messages as toasts, and has the profile dialog.
(() => {
	const lab = window.LAB;
	const el = (tag, attributes = {}, ...children) => {
		const node = document.createElement(tag);
		for (const [name, value] of Object.entries(attributes)) {
			if (name === "onclick") {
				node.addEventListener("click", value);
			} else if (value !== false) {
				node.setAttribute(name, value === true ? "" : value);
			}
		}
		node.append(...children);
		return node;
	};
	const cookie = (name) => {
		const hit = document.cookie.split("; ").find((c) => c.startsWith(name + "="));
		return hit ? decodeURIComponent(hit.slice(name.length + 1)) : "";
	};
	const api = async (path, method = "GET", body = undefined) => {
		const headers = { Accept: "application/json; version=" + lab.api };
		if (method !== "GET") {
			headers["Content-Type"] = "application/json";
			headers["X-CSRFToken"] = cookie(lab.cookie_prefix + "csrftoken");
		}
		const response = await fetch("api/" + path, { method, headers, body: body && JSON.stringify(body) });
		const text = await response.text();
		let value = null;
		try { value = JSON.parse(text); } catch { /* an error page */ }
		return { status: response.status, value };
	};

	const root = document.querySelector("pngx-root");
	const toasts = el("pngx-toasts");
	const toast = (text) => toasts.append(el("ngb-toast", { class: "toast show", role: "alert" }, el("p", { class: "mb-0" }, text)));

	const profileDialog = async () => {
		document.querySelector("ngb-modal-window")?.remove();
		const [profile, providers] = [await api("profile/"), await api("profile/social_account_providers/")];
		const dialog = el("pngx-profile-edit-dialog");
		const close = () => modal.remove();
		const input = (label, id, type, value) =>
			el("div", { class: "mb-3" }, el("label", { for: id }, label), el("input", { id, type, class: "form-control", value: value ?? "" }));
		dialog.append(el("div", { class: "modal-header" }, el("h4", { class: "modal-title" }, "Edit Profile")));
		const body = el("div", { class: "modal-body" },
			input("Email", "profileEmail", "email", profile.value?.email),
			input("Password", "profilePassword", "password", ""),
			input("First name", "profileFirst", "text", profile.value?.first_name),
			input("Last name", "profileLast", "text", profile.value?.last_name));
		const linked = profile.value?.social_accounts ?? [];
		if (linked.length > 0) {
			const list = el("ul", { class: "list-group" });
			for (const account of linked) {
				const button = el("button", { type: "button", class: "btn btn-sm btn-outline-danger", disabled: !profile.value.has_usable_password }, "Disconnect");
				const confirm = el("pngx-confirm-button", {}, button);
				button.addEventListener("click", () => {
					confirm.append(el("ngb-popover-window", {}, el("button", { type: "button", class: "btn btn-link", onclick: async () => {
						const r = await api("profile/disconnect_social_account/", "POST", { id: account.id });
						if (r.status === 200) {
							await profileDialog();
						} else {
							toast("Error disconnecting social account");
						}
					} }, "Yes")));
				});
				list.append(el("li", { class: "list-group-item d-flex align-items-center" }, `${account.name} (${account.provider}) `, confirm));
			}
			body.append(el("p", {}, "Connected social accounts"), list);
		}
		if ((providers.value ?? []).length > 0) {
			const list = el("div", { class: "list-group" });
			for (const p of providers.value) {
				list.append(el("a", { class: "list-group-item list-group-item-action text-primary d-flex align-items-center", href: p.login_url }, p.name));
			}
			body.append(el("p", {}, "Connect new social account"), list);
		}
		dialog.append(body, el("div", { class: "modal-footer" },
			el("button", { type: "button", class: "btn btn-outline-secondary", onclick: close }, "Cancel"),
			el("button", { type: "button", class: "btn btn-primary", onclick: async () => {
				const password = document.getElementById("profilePassword").value;
				const change = {
					email: document.getElementById("profileEmail").value,
					first_name: document.getElementById("profileFirst").value,
					last_name: document.getElementById("profileLast").value,
				};
				if (password) {
					change.password = password;
				}
				const r = await api("profile/", "PATCH", change);
				if (r.status !== 200) {
					toast("Error saving profile");
				} else if (password) {
					toast("Password has been changed, you will be logged out momentarily.");
					location.href = "accounts/logout/?next=" + encodeURIComponent("/accounts/login/?next=/");
				} else {
					toast("Profile updated successfully");
					close();
				}
			} }, "Save")));
		const modal = el("ngb-modal-window", { class: "modal show", role: "dialog" }, dialog);
		document.body.append(modal);
	};

	const menu = (name) => {
		const items = el("div", { class: "dropdown-menu", hidden: true },
			el("button", { ngbDropdownItem: true, type: "button", class: "dropdown-item", style: "display: block", onclick: profileDialog }, "My Profile"),
			el("button", { ngbDropdownItem: true, type: "button", class: "dropdown-item", style: "display: block" }, "Settings"),
			el("a", { ngbDropdownItem: true, class: "dropdown-item", style: "display: block", href: "accounts/logout/" }, "Logout"),
			el("a", { ngbDropdownItem: true, class: "dropdown-item", style: "display: block", href: "https://docs.paperless-ngx.com" }, "Documentation"));
		const button = el("button", { id: "userDropdown", type: "button", class: "btn", "aria-label": "User menu", onclick: () => {
			items.hidden = !items.hidden;
		} }, el("span", {}, name || "\u00a0"));
		return el("div", { ngbDropdown: true, class: "nav-item dropdown" }, button, items);
	};

	const start = async () => {
		const settings = await api("ui_settings/");
		const refused = settings.status !== 200;
		if (refused && lab.hangs) {
			return; // before 2.11.2 the page stays on its loading text
		}
		const messages = window.DJANGO_MESSAGES ?? [];
		if (refused) {
			toast("Error loading settings");
		} else {
			messages.forEach((m) => toast(m.message));
		}
		const user = settings.value?.user ?? {};
		// The badge counts what was notified; before 3.0.0 only beside an error.
		const shown = messages.length * (refused || lab.badge ? 1 : 0) + (refused ? 1 : 0);
		const line = (text, tag = "div") => el(tag, {}, text);
		const nav = refused ? ["Dashboard", "Documentation", lab.footer] : lab.nav;
		const main = refused
			? [line("Dashboard", "h3"), line("Welcome to Paperless-ngx", "h4"), line("Paperless-ngx is running! 🎉 You're ready to start uploading documents!", "p")]
			: [line("Dashboard", "h3"), line(lab.hello.replace("{name}", user.first_name || user.username || ""), "p"), line("Statistics Total documents: 0", "p")];
		const frame = el("pngx-app-frame", {},
			el("nav", { class: "navbar" }, el("a", { class: "navbar-brand", href: "dashboard" }, "Paperless-ngx"), " ",
				shown > 0 ? el("span", { class: "badge" }, String(shown)) : "", menu(refused ? "" : user.first_name || user.username)),
			el("nav", { class: "sidebar" }, ...nav.map((n) => line(n))),
			el("main", {}, ...main));
		root.replaceChildren(toasts, frame);
		document.title = "Dashboard - Paperless-ngx";
		const home = new URL(document.baseURI).pathname;
		if (location.pathname === home) {
			history.replaceState(null, "", "dashboard");
		}
		await api("saved_views/");
	};
	start();
})();
