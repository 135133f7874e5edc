package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"vmspec/results"
)

// nonces are those of the reports that a log holds, each once, whatever stands
// before their lines.
type nonces []string

var nonceLine = regexp.MustCompile(`# vmspec: end points=\d+ sha256=[0-9a-f]{64} nonce=(\S+)`)

// maxNonces bounds how many are kept.
const maxNonces = 16

// line takes a line of the log.
func (n *nonces) line(text string) {
	if len(*n) == maxNonces || !strings.Contains(text, "# vmspec: end ") {
		return
	}
	if m := nonceLine.FindStringSubmatch(text); m != nil && !slices.Contains(*n, m[1]) {
		*n = append(*n, results.OneLine(m[1]))
	}
}

// others says which reports there are instead of the wanted one; empty if none.
func (n nonces) others(wanted string) string {
	if wanted == "" || len(n) == 0 || slices.Contains(n, wanted) {
		return ""
	}
	return fmt.Sprintf("a report with nonce %s, not %s", strings.Join(n, ", "), wanted)
}
