// What the current document shows of these selectors and texts, at one moment.
({ sels, texts }) => {
	const text = texts.length && document.body ? textOf(document.body).toLowerCase() : "";
	return {
		url: location.href,
		title: document.title,
		ready: document.readyState,
		sels: sels.map((sel) => {
			const el = one(sel);
			return el === null ? "missing" : visible(el) ? "visible" : "hidden";
		}),
		texts: texts.map((t) => text.includes(t.toLowerCase())),
	};
}
