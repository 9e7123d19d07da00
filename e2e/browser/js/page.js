// What a person and a form reader see of the page.
() => {
	const see = (css) => [...document.querySelectorAll(css)].some(visible);
	return {
		url: location.href,
		title: document.title,
		text: document.body ? textOf(document.body) : "",
		local_form: see("#inputUsername[name=login]") && see("#inputPassword"),
		forms: all(document, "form").filter((f) => f.getClientRects().length > 0).map((f) => ({
			method: (f.getAttribute("method") ?? "get").toLowerCase(),
			action: f.getAttribute("action") ?? "",
			buttons: [...all(f, "button, input[type=submit], input[type=button], [role=button]")]
				.filter(visible).map(textOf).filter(Boolean),
		})),
		stages: [...new Set(all(document, "*").map((el) => el.localName).filter((n) => n.startsWith("ak-stage-")))],
	};
}
