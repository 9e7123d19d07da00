// The document as HTML, open shadow roots as declarative templates, without the
// values of passwords and tokens.
({ secret }) => {
	const voids = new Set(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]);
	const raw = new Set(["script", "style", "noscript", "iframe"]);
	const text = (s) => s.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
	const attr = (s) => s.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
	const hides = (el, name) => name === "value" && el.localName === "input" &&
		(el.type === "password" || el.autocomplete === "one-time-code" || secret.includes((el.name ?? "").toLowerCase()));
	const out = [];
	const walk = (n, parent) => {
		switch (n.nodeType) {
		case Node.TEXT_NODE:
			out.push(parent && raw.has(parent.localName) ? n.data : text(n.data));
			return;
		case Node.DOCUMENT_TYPE_NODE:
			out.push("<!DOCTYPE " + n.name + ">\n");
			return;
		case Node.ELEMENT_NODE:
			break;
		default:
			if (n.nodeType === Node.DOCUMENT_NODE) for (const c of n.childNodes) walk(c, null);
			return;
		}
		out.push("<", n.localName);
		for (const a of n.attributes) {
			const value = hides(n, a.name) ? "[redacted]" : a.value;
			out.push(" ", a.name, '="', attr(value), '"');
		}
		out.push(">");
		if (n.shadowRoot) {
			out.push('<template shadowrootmode="open">');
			for (const c of n.shadowRoot.childNodes) walk(c, null);
			out.push("</template>");
		}
		if (voids.has(n.localName)) return;
		const inside = n.localName === "template" ? n.content : n;
		for (const c of inside.childNodes) walk(c, n);
		out.push("</", n.localName, ">");
	};
	walk(document, null);
	return out.join("");
}
