package results_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func stored(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(data)
}

// logOf joins lines as a console carries them.
func logOf(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

// head is how a report of so many points begins.
func head(points int, nonce string) []string {
	return []string{
		"TAP version 13",
		fmt.Sprintf("1..%d", points),
		"# vmspec 0.1.0 catalogue=01234567 profile=rfc-v2 arch=arm64 nonce=" + nonce,
	}
}

// endOf is the end line that fits to the lines of a report.
func endOf(lines []string, points int, nonce string) string {
	return fmt.Sprintf("# vmspec: end points=%d sha256=%x nonce=%s", points, sha256.Sum256([]byte(logOf(lines...))), nonce)
}

// sealed is a report with these lines behind its head and a fitting end line.
func sealed(points int, nonce string, lines ...string) string {
	all := append(head(points, nonce), lines...)
	return logOf(append(all, endOf(all, points, nonce))...)
}

// minimal is a whole report of two points.
func minimal(nonce string) string {
	return sealed(2, nonce,
		"ok 1 - FW-ONE The first holds",
		"  ---",
		`  level: "must"`,
		"  ...",
		"not ok 2 - FW-TWO The second does not",
		"  ---",
		`  level: "must"`,
		"  ...",
		"# vmspec: verdict not-conformant: 1 of 2 musts judged failed; 0 not judged")
}

// replaceLine returns log with its first line that begins with prefix replaced.
func replaceLine(t *testing.T, log, prefix string, with ...string) string {
	t.Helper()
	lines := strings.Split(log, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, prefix) {
			return strings.Join(append(lines[:i:i], append(with, lines[i+1:]...)...), "\n")
		}
	}
	require.Failf(t, "no such line", "%q", prefix)
	return ""
}

// behind puts a prefix before each line.
func behind(prefix, log string) string {
	return prefix + strings.ReplaceAll(strings.TrimSuffix(log, "\n"), "\n", "\n"+prefix) + "\n"
}

// ticking puts a time before each line: the format takes the line's number.
func ticking(log, format string) string {
	var out strings.Builder
	n := 0
	for line := range strings.Lines(log) {
		fmt.Fprintf(&out, format+"%s", n, line)
		n++
	}
	return out.String()
}

// domains is a line of each of so many Xen domains.
func domains(n int, line string) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "(XEN) DOM%d: %s\n", i, line)
	}
	return out.String()
}

// interleaved takes a line of each log in turn; they have as many.
func interleaved(one, other string) string {
	var out strings.Builder
	others := strings.SplitAfter(other, "\n")
	n := 0
	for line := range strings.Lines(one) {
		out.WriteString(line + others[n])
		n++
	}
	return out.String()
}

func wrapped(log string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		for len(line) > width {
			b.WriteString(line[:width] + "\n")
			line = line[width:]
		}
		b.WriteString(line)
	}
	return b.String()
}

// hostileEnd is a report with a fitting hash whose plan and end line disagree;
// it has as many points as the end line says.
func hostileEnd(plan, points int) string {
	lines := head(plan, "aaaa")
	for n := range points {
		lines = append(lines, fmt.Sprintf("ok %d - FW-ONE Holds", n+1))
	}
	return logOf(append(lines, endOf(lines, points, "aaaa"))...)
}

func upperHash(log string) string {
	before, after, _ := strings.Cut(log, "sha256=")
	return before + "sha256=" + strings.ToUpper(after[:64]) + after[64:]
}
