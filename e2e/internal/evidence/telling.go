package evidence

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// systemCheck is a line of Django's system checks that stops a start, such as
	// "?: (corsheaders.E014) Origin …".
	systemCheck = regexp.MustCompile(`\(\w+\.[EC]\d{3}\)`)
	// exception is the last line of a Python traceback.
	exception = regexp.MustCompile(`^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Configured|Exit|Interrupt|Expired|NotFound)(?::|$)`)
	// severe is a line that its writer calls an error: Paperless's logger, Postgres.
	severe = regexp.MustCompile(`\[(?:ERROR|CRITICAL)\]|\b(?:FATAL|PANIC):|^panic: |^(?i:error)\b`)
	// supervisor is what s6 says of every stop, whatever the reason, and its numbers.
	supervisor = regexp.MustCompile(`^(?:s6-[\w-]+|prog|/run/s6/\S+|/package/\S+|cont-init|s6): |^\S*rc\.init: `)
)

const traceback = "Traceback (most recent call last):"

// Telling is the line of a log that says why a start failed: what a system check
// says, else the exception, else what is called an error, else the last line that
// is not the supervisor's. Of several, it is the last; "" when there is none.
func Telling(log []string) string {
	for _, tells := range []func(i int) bool{
		func(i int) bool { return systemCheck.MatchString(log[i]) },
		func(i int) bool { return exception.MatchString(log[i]) || endsTraceback(log, i) },
		func(i int) bool { return severe.MatchString(log[i]) && !supervisor.MatchString(log[i]) },
		func(i int) bool { return !supervisor.MatchString(log[i]) },
	} {
		for i, line := range slices.Backward(log) {
			if strings.TrimSpace(line) != "" && tells(i) {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

// endsTraceback reports whether a line is the first after a traceback's frames,
// which are indented: an exception whose name does not look like one.
func endsTraceback(log []string, i int) bool {
	if indented(log[i]) || log[i] == traceback {
		return false
	}
	for _, line := range slices.Backward(log[:i]) {
		if line == traceback {
			return true
		}
		if !indented(line) {
			return false
		}
	}
	return false
}

func indented(line string) bool { return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") }
