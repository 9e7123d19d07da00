package e2e_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/ssocheck/ssocheck/e2e"
)

// In a repository of your own: your compose file and your blueprint, as go test.
// Each check is a subtest; what explains a failure is in its log.
func TestExampleOfYourOwn(t *testing.T) {
	e2e.Run(t, e2e.Options{
		Config:    []string{"../fixtures/configs/right-blueprint/compose.yaml"},
		Blueprint: "../fixtures/configs/right-blueprint/blueprint.yaml",
		Only:      []string{"round-trip"},
	})
}

// In a program: the causes of what fails, the likeliest first.
func ExampleCheck() {
	results, err := e2e.Check(context.Background(), e2e.Options{Plant: []string{"RED-SLASH"}, Only: []string{"round-trip"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results.Results {
		if r.Status == e2e.Failed {
			fmt.Println(r.Check.ID, r.Findings[0].Code)
		}
	}
	fmt.Println(results.Verdict().Outcome)
	// Output:
	// round-trip RED-SLASH
	// fail
}

func ExampleLint() {
	found, err := e2e.Lint(e2e.Options{Config: []string{"../fixtures/configs/guide/compose.yaml"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range found {
		if d.Level != e2e.LevelInfo {
			fmt.Printf("%s:%d %s\n", d.File, d.Line, d.Code)
		}
	}
	// Output:
	// ../fixtures/configs/guide/compose.yaml:39 SIGN-OFF
	// ../fixtures/configs/guide/compose.yaml:17 CFG-UNKNOWN
	// ../fixtures/configs/guide/compose.yaml:30 CFG-CLAIMS
	// ../fixtures/configs/guide/compose.yaml:40 CFG-UNKNOWN
}

func ExampleRender() {
	files, err := e2e.Render(e2e.Options{Paperless: "2.20.15"}, false)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{".env", "blueprint.yaml", "compose.yaml"} {
		fmt.Println(name, "has a secret:", files[name].Secret)
	}
	// Output:
	// .env has a secret: true
	// blueprint.yaml has a secret: false
	// compose.yaml has a secret: false
}
