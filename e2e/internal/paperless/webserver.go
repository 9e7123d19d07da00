package paperless

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// A WebServer is how Paperless's web server is started in a container that runs:
// all that is needed to start it once more.
type WebServer struct {
	Args []string          `json:"args"`
	Env  map[string]string `json:"env"`
}

// findScript prints how the image starts its web server, and in which environment:
// that of the container, and what the start-up added (docs/facts/paperless.md#10). It
// loads nothing of Paperless, and so takes no time.
const findScript = `import json, os
run, env = "/etc/s6-overlay/s6-rc.d/svc-webserver/run", "/run/s6/container_environment"
if os.path.exists(run) and os.path.isdir(env):
    print(json.dumps({"args": ["bash", run], "env": {n: open(os.path.join(env, n)).read() for n in os.listdir(env)}}))
`

// FindWebServer is the command that answers how the web server is started.
func FindWebServer() []string { return []string{"python3", "-c", findScript} }

// IsFindWebServer reports whether these are the arguments of python3 of FindWebServer.
func IsFindWebServer(args []string) bool { return slices.Equal(args, FindWebServer()[1:]) }

// mapped are settings by which the start-up changes the image's own user: a web
// server in another container would run as somebody else than who owns the folders.
var mapped = []string{"USERMAP_UID", "USERMAP_GID"}

// ReadWebServer reads the answer.
func ReadWebServer(answer string) (WebServer, error) {
	var w WebServer
	if strings.TrimSpace(answer) == "" {
		return w, errors.New("this version starts its web server in another way")
	}
	if err := json.Unmarshal([]byte(answer), &w); err != nil {
		return w, err
	}
	for _, name := range mapped {
		if w.Env[name] != "" {
			return w, errors.New(name + " is set")
		}
	}
	return w, nil
}

// ToldAtStart are settings that only the web server reads, each time it starts:
// neither the image's start-up nor a task knows them (docs/facts/paperless.md#10).
// A web server that is started with another value of one of them is as good as a
// container that was made with it.
var ToldAtStart = []string{
	"PAPERLESS_SOCIAL_AUTO_SIGNUP", "PAPERLESS_REDIRECT_LOGIN_TO_SSO", "PAPERLESS_DISABLE_REGULAR_LOGIN",
}
