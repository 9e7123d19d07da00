// Draws a page that is not a flow, a while after it was loaded.
(() => {
	const host = document.querySelector("ak-static-page");
	addEventListener("load", () => setTimeout(() => {
		const style = document.querySelector("style").cloneNode(true);
		host.attachShadow({ mode: "open" }).append(style, host.querySelector("template").content);
	}, Number(host.dataset.draw)));
})();
