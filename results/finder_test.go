package results

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// firstOf finds the first of texts by looking everywhere.
func firstOf(line string, texts []string) int {
	for at := range line {
		if slices.ContainsFunc(texts, func(t string) bool { return strings.HasPrefix(line[at:], t) }) {
			return at
		}
	}
	return -1
}

func TestFinder(t *testing.T) {
	for _, text := range signalTexts() {
		for _, before := range []string{"", "x", "[    1.234567] ", text[:len(text)-1], strings.Repeat("a", 100)} {
			for _, behind := range []string{"", ".", text} {
				line := before + text + behind
				require.Equal(t, firstOf(line, signalTexts()), signals.find(line), "%q", line)
			}
			require.Equal(t, -1, signals.find(strings.Repeat("a", len(before))+text[:len(text)-1]), "%q", text)
		}
	}
}

func FuzzFinder(f *testing.F) {
	for _, text := range signalTexts() {
		f.Add("[    1.234567] " + text + " x")
	}
	f.Fuzz(func(t *testing.T, line string) {
		require.Equal(t, firstOf(line, signalTexts()), signals.find(line))
	})
}
