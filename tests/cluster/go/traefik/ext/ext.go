// Package ext is where derived products add to Traefik's configuration. Traefik's own has nothing there, and its module,
// which a proxy does not serve, is part of Traefik's repository.
package ext

// HTTP is embedded in the configuration of HTTP.
type HTTP struct{}

// Router is embedded in the configuration of a router.
type Router struct{}
