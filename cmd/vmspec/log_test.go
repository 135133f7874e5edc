package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeadTail(t *testing.T) {
	for _, c := range []struct {
		name   string
		pieces []string
		want   string
	}{
		{"nothing", nil, ""},
		{"less than the beginning", []string{"ab"}, "ab"},
		{"the beginning", []string{"abc", "d"}, "abcd"},
		{"both", []string{"abcdef", "g"}, "abcdefg"},
		{"one byte too many", []string{"abcdefgh"}, "abcd\n[vmspec: 1 bytes are left out here]\nfgh"},
		{"in single bytes", []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"}, "abcd\n[vmspec: 6 bytes are left out here]\nklm"},
		{"a large piece", []string{"abc", "0123456789012345678901234567890"}, "abc0\n[vmspec: 27 bytes are left out here]\n890"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			h := headTail{w: &out, head: 4, tail: 3}
			for _, p := range c.pieces {
				n, err := h.Write([]byte(p))
				require.NoError(t, err)
				require.Equal(t, len(p), n)
				require.LessOrEqual(t, len(h.end), 2*h.tail)
			}
			require.NoError(t, h.finish())
			require.Equal(t, c.want, out.String())
		})
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestHeadTailErrors(t *testing.T) {
	h := headTail{w: broken{}, head: 1, tail: 1}
	_, err := h.Write([]byte("a"))
	require.ErrorIs(t, err, errBroken)
	_, err = h.Write([]byte("b"))
	require.NoError(t, err)
	require.ErrorIs(t, h.finish(), errBroken)
}
