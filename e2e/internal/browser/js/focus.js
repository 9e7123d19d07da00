// Puts the focus into an input and selects what is in it, so that typing replaces it.
({ sel, clear }) => {
	const el = one(sel);
	if (el === null) return false;
	el.focus();
	if (el.select) el.select();
	else getSelection().selectAllChildren(el);
	if (clear) document.execCommand("delete");
	return true;
}
