// What a user and a form reader see of the page.
() => {
	const see = (css) => [...document.querySelectorAll(css)].some(visible);
	return {
		url: location.href,
		title: document.title,
		parsing: document.readyState === "loading",
		text: document.body ? textOf(document.body) : "",
		local_form: see("#inputUsername[name=login]") && see("#inputPassword"),
		forms: all(document, "form").filter((f) => f.getClientRects().length > 0).map((f) => ({
			method: (f.getAttribute("method") ?? "get").toLowerCase(),
			action: f.getAttribute("action") ?? "",
			buttons: [...all(f, "button, input[type=submit], input[type=button], [role=button]")]
				.filter(visible).map(textOf).filter(Boolean),
		})),
		// A stage's element is in the page before the script that draws it.
		stages: [...new Set(all(document, "*").filter((el) => el.localName.startsWith("ak-stage-") && textOf(el) !== "").map((el) => el.localName))],
	};
}
