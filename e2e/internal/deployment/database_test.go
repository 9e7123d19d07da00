package deployment_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

func TestDatabase(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		version string
		env     map[string]string
		want    string
	}{
		"nothing set":              {"2.20.15", nil, deployment.SQLite},
		"a host":                   {"2.20.15", map[string]string{"PAPERLESS_DBHOST": "db"}, deployment.PostgreSQL},
		"a host, 3":                {"3.0.5", map[string]string{"PAPERLESS_DBHOST": "db"}, deployment.PostgreSQL},
		"engine and host":          {"2.20.15", map[string]string{"PAPERLESS_DBHOST": "db", "PAPERLESS_DBENGINE": "mariadb"}, deployment.MariaDB},
		"engine without host, 2":   {"2.20.15", map[string]string{"PAPERLESS_DBENGINE": "postgresql"}, deployment.SQLite},
		"engine without host, 3":   {"3.0.5", map[string]string{"PAPERLESS_DBENGINE": "postgresql"}, deployment.PostgreSQL},
		"SQLite in spite of host3": {"3.0.5", map[string]string{"PAPERLESS_DBENGINE": "sqlite", "PAPERLESS_DBHOST": "db"}, deployment.SQLite},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := deployment.Paperless{Version: tt.version, Env: tt.env}
			assert.Equal(t, tt.want, p.Database())
		})
	}
}
