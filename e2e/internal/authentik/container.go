package authentik

// Facts of authentik's container (docs/facts/authentik.md#1).
const (
	// Port is where the server listens, by http.
	Port = "9000"
	// BlueprintFolder is where the worker, and ak apply_blueprint, look for blueprints
	// of one's own; CustomBlueprints is the same for ak apply_blueprint.
	BlueprintFolder  = "/blueprints/custom/"
	CustomBlueprints = "custom"
)

// ApplyBlueprint is the command that applies a blueprint of BlueprintFolder at once,
// in the server's container.
func ApplyBlueprint(file string) []string {
	return []string{"ak", "apply_blueprint", CustomBlueprints + "/" + file}
}
