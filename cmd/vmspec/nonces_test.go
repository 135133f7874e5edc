package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNonces(t *testing.T) {
	end := func(nonce string) string {
		return "# vmspec: end points=3 sha256=" + strings.Repeat("0a", 32) + " nonce=" + nonce
	}
	var n nonces
	require.Empty(t, n.others("x"))
	for _, line := range []string{"", "# vmspec: end ", end(""), strings.Replace(end("short"), "0a", "", 1)} {
		n.line(line)
	}
	require.Empty(t, n)
	n.line("vm1 | " + end("a") + "\r")
	n.line(end("a"))
	n.line(end("-"))
	require.Equal(t, nonces{"a", "-"}, n)
	require.Equal(t, "a report with nonce a, -, not x", n.others("x"))
	require.Empty(t, n.others("a"))
	require.Empty(t, n.others(""))
	for i := range 100 {
		n.line(end(fmt.Sprint(i)))
	}
	require.Len(t, n, maxNonces)
}
