package checklist

import (
	"html"
	"regexp"
	"strings"
)

// What the checks without a browser read of a page. Paperless's pages before the
// sign-in are plain forms, so patterns are enough.
var (
	formTag   = regexp.MustCompile(`(?is)<form\b[^>]*>`)
	actionKey = regexp.MustCompile(`(?is)\baction\s*=\s*["']([^"']*)["']`)
	csrfInput = regexp.MustCompile(`(?is)name=["']csrfmiddlewaretoken["']\s+value=["']([^"']*)["']`)
	inputTag  = regexp.MustCompile(`(?is)<input\b[^>]*>`)
	valueKey  = regexp.MustCompile(`(?is)\bvalue\s*=\s*["']([^"']*)["']`)
	nameKey   = regexp.MustCompile(`(?is)\bname\s*=\s*["']([^"']*)["']`)
	titleTag  = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	script    = regexp.MustCompile(`(?is)<script\b.*?</script>|<style\b.*?</style>|<noscript\b.*?</noscript>`)
	headTag   = regexp.MustCompile(`(?is)<head\b.*?</head>`)
	anyTag    = regexp.MustCompile(`(?s)<[^>]*>`)
)

// formAction is the action of the first form whose action contains the part.
func formAction(body, part string) (string, bool) {
	for _, tag := range formTag.FindAllString(script.ReplaceAllString(body, " "), -1) {
		m := actionKey.FindStringSubmatch(tag)
		if m == nil {
			continue
		}
		if action := html.UnescapeString(m[1]); strings.Contains(action, part) {
			return action, true
		}
	}
	return "", false
}

func csrf(body string) string {
	if m := csrfInput.FindStringSubmatch(body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

func inputValue(body, name string) string {
	for _, tag := range inputTag.FindAllString(body, -1) {
		if m := nameKey.FindStringSubmatch(tag); m == nil || m[1] != name {
			continue
		}
		if m := valueKey.FindStringSubmatch(tag); m != nil {
			return html.UnescapeString(m[1])
		}
	}
	return ""
}

func title(body string) string {
	if m := titleTag.FindStringSubmatch(body); m != nil {
		return short(html.UnescapeString(m[1]))
	}
	return ""
}

// text is what a person would read of a page without scripts.
func text(body string) string {
	body = anyTag.ReplaceAllString(headTag.ReplaceAllString(script.ReplaceAllString(body, " "), " "), " ")
	return strings.Join(strings.Fields(html.UnescapeString(body)), " ")
}
