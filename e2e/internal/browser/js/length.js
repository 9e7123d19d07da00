// How long the value of an input is; the value itself never leaves the page.
({ sel }) => {
	const el = one(sel);
	return el === null ? -1 : (el.value ?? el.textContent).length;
}
