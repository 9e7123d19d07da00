package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// s6 is what the container's supervisor writes below the reason, as seen on the
// real 2.20.15.
var s6 = []string{
	"s6-rc: warning: unable to start service init-migrations: command exited 1",
	"/run/s6/basedir/scripts/rc.init: warning: s6-rc failed to properly bring all the services up! Check your logs (in /run/uncaught-logs/current if you have in-container logging) for more information.",
	"/run/s6/basedir/scripts/rc.init: fatal: stopping the container.",
}

func TestTelling(t *testing.T) {
	t.Parallel()
	frames := []string{"[init-migrations] Apply database migrations...", "Traceback (most recent call last):", `  File "manage.py", line 10, in <module>`, "    main()"}
	for name, tt := range map[string]struct {
		log  []string
		want string
	}{
		"nothing":     {nil, ""},
		"only s6":     {s6, ""},
		"broken JSON": {append(append(frames, "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)", ""), s6...), "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"},
		"module":      {append(append(frames, "ModuleNotFoundError: No module named 'x'"), s6...), "ModuleNotFoundError: No module named 'x'"},
		"odd name":    {append(append(frames, "psycopg.errors.UndefinedTable: relation \"a\" does not exist", "LINE 1: SELECT"), s6...), "psycopg.errors.UndefinedTable: relation \"a\" does not exist"},
		"no message":  {append(append(frames, "AssertionError"), s6...), "AssertionError"},
		"chained": {append([]string{
			"Traceback (most recent call last):", "  a", "KeyError: 'x'", "", "During handling of the above exception, another exception occurred:", "",
			"Traceback (most recent call last):", "  b", "django.core.exceptions.ImproperlyConfigured: y",
		}, s6...), "django.core.exceptions.ImproperlyConfigured: y"},
		"system check": {
			append(append(frames, "django.core.management.base.SystemCheckError: SystemCheckError: System check identified some issues:", "", "ERRORS:",
				"?: (corsheaders.E014) Origin 'https://paperless.example.com/' in CORS_ALLOWED_ORIGINS should not have path", "", "System check identified 1 issue (0 silenced)."), s6...),
			"?: (corsheaders.E014) Origin 'https://paperless.example.com/' in CORS_ALLOWED_ORIGINS should not have path",
		},
		"with a hint": {
			append([]string{"(paperless.E002) Cannot upgrade to Paperless-ngx v3 from this version.", "HINT: Upgrading to v3 can only be performed from v2.20.15."}, s6...),
			"(paperless.E002) Cannot upgrade to Paperless-ngx v3 from this version.",
		},
		"postgres":   {[]string{"PostgreSQL init process complete", "2026-11-28 10:00:00.000 UTC [1] FATAL:  data directory \"/x\" has wrong ownership", "2026-11-28 10:00:00.000 UTC [1] LOG:  shutting down"}, "2026-11-28 10:00:00.000 UTC [1] FATAL:  data directory \"/x\" has wrong ownership"},
		"logged":     {append([]string{"[2026-11-23 20:54:45,583] [ERROR] [paperless] no", "bye"}, s6...), "[2026-11-23 20:54:45,583] [ERROR] [paperless] no"},
		"plain last": {append([]string{"one", "two", "  "}, s6...), "two"},
	} {
		assert.Equal(t, tt.want, evidence.Telling(tt.log), name)
	}
}
