// Package authentik is the one home of what is known of authentik, the OpenID
// provider: its paths, the stages and selectors of its pages, its log texts, its
// containers, and a client of its REST API. Who follows a new release of authentik
// starts here (docs/facts/authentik.md has the sources).
//
// It imports nothing of ours but package oidc, so that every package may ask it.
// In its folder stand what needs the configuration, too: shell, which asks by
// authentik's own command line, and model, the lab's authentik. The model uses none of this:
// it has paths, texts and stages of its own, written from what the real product
// was seen to do. So a wrong word here fails in the lab, where a shared one would
// be wrong on both sides and pass; TestModelServes holds the two together.
package authentik
