package main

// Help shows how the command is used; kong prints it below the flags.

// Help shows its use.
func (runCmd) Help() string {
	return `Examples:
  ssocheck run                                                   the guide, corrected, on the lab
  ssocheck run --config compose.yaml --blueprint blueprint.yaml --report report
  ssocheck run --target stack --config compose.yaml              the real products, in Docker
  ssocheck run --target external --paperless-url https://paperless.example.com`
}

// Help shows its use.
func (lintCmd) Help() string {
	return `Examples:
  ssocheck lint compose.yaml blueprint.yaml
  ssocheck lint --fix --dry-run compose.yaml
  docker inspect paperless | ssocheck lint -`
}

// Help shows its use.
func (renderCmd) Help() string {
	return `Examples:
  ssocheck render deployment
  ssocheck render --config compose.yaml --force deployment`
}

// Help shows its use.
func (upgradeCmd) Help() string {
	return `Examples:
  ssocheck upgrade --from 2.20.15,2025.8.1 --to latest-known,latest-known --config compose.yaml
  ssocheck upgrade --from 2.20.15 --to 3.0.5 --config compose.yaml --target stack`
}

// Help shows its use.
func (matrixCmd) Help() string {
	return `Examples:
  ssocheck matrix --paperless 2.20.15,3.0.5 --authentik 2025.8.1,latest-known --config compose.yaml
  ssocheck matrix --paperless 2.20.15,3.0.5 --authentik 2025.8.1 --shard 1/2`
}

// Help shows its use.
func (importIdPCmd) Help() string {
	return `Examples:
  SSO_AUTHENTIK_TOKEN=… ssocheck import-idp --authentik-url https://authentik.example.com --config compose.yaml`
}

// Help shows its use.
func (reportCmd) Help() string {
	return `Examples:
  ssocheck report report
  ssocheck report report --serve`
}

// Help shows its use.
func (diagnoseCmd) Help() string { return "Examples:\n  ssocheck diagnose report/report.json" }

// Help shows its use.
func (diffCmd) Help() string {
	return "Examples:\n  ssocheck diff before/report.json report/report.json"
}

// Help shows its use.
func (mergeCmd) Help() string {
	return `Exits as the worst of the reports does.

Examples:
  ssocheck merge shard1/report.json shard2/report.json > report.json`
}

// Help shows its use.
func (listCmd) Help() string {
	return `Examples:
  ssocheck list items
  ssocheck list versions --format json`
}

// Help shows its use.
func (manCmd) Help() string {
	return "Examples:\n  ssocheck man > /usr/local/share/man/man1/ssocheck.1"
}

// Help shows its use.
func (downCmd) Help() string { return "Examples:\n  ssocheck down" }

// Help shows its use.
func (cacheCmd) Help() string { return "Examples:\n  ssocheck cache\n  ssocheck cache clear" }

// Help shows its use.
func (doctorCmd) Help() string {
	return `Examples:
  ssocheck doctor
  ssocheck doctor --paperless docs-webserver-1 --authentik idp-server-1`
}
