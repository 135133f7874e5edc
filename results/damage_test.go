package results_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// neverAnother requires that a damaged log gives the true report, an incomplete
// one or none.
func neverAnother(t *testing.T, truth *results.Report, damaged string, what string, args ...any) *results.Report {
	t.Helper()
	r, err := results.Parse(strings.NewReader(damaged), "")
	if errors.Is(err, results.ErrNoReport) {
		return nil
	}
	if err != nil {
		t.Fatalf(what+": %v", append(args, err)...)
	}
	if r.Incomplete == nil && strings.Join(r.Lines, "\n") != strings.Join(truth.Lines, "\n") {
		t.Fatalf(what+": a whole report with other lines", args...)
	}
	return r
}

func parsed(t *testing.T, log string) *results.Report {
	t.Helper()
	r, err := results.Parse(strings.NewReader(log), "")
	require.NoError(t, err)
	require.NoError(t, r.Incomplete)
	return r
}

func TestParseCutAtEveryByte(t *testing.T) {
	t.Parallel()
	log := stored(t, notConformant)
	truth := parsed(t, log)
	for n := range log {
		r := neverAnother(t, truth, log[:n], "cut at byte %d", n)
		begun, whole := n >= len("TAP version 13"), n >= len(log)-1
		if begun != (r != nil) || begun && whole != (r.Incomplete == nil) {
			t.Fatalf("cut at byte %d: %+v", n, r)
		}
	}
}

func TestParseFlipEveryByte(t *testing.T) {
	t.Parallel()
	log := stored(t, conformant)
	truth := parsed(t, log)
	flips := []byte{0x01, 0x04, 0x20, 0x80}
	for n := range log {
		damaged := []byte(log)
		damaged[n] ^= flips[n%len(flips)]
		r := neverAnother(t, truth, string(damaged), "byte %d: %q for %q", n, damaged[n], log[n])
		if r != nil && r.Incomplete == nil && n < len(log)-1 {
			t.Fatalf("byte %d: %q for %q went unnoticed", n, damaged[n], log[n])
		}
	}
}

func TestParseDamagedLines(t *testing.T) {
	join := func(parts ...[]string) string {
		var all []string
		for _, p := range parts {
			all = append(all, p...)
		}
		return logOf(all...)
	}
	damages := []struct {
		name   string
		damage func(l []string, n int) string
	}{
		{"lost", func(l []string, n int) string { return join(l[:n], l[n+1:]) }},
		{"doubled", func(l []string, n int) string { return join(l[:n+1], l[n:]) }},
		{"swapped with the next", func(l []string, n int) string {
			if n+1 == len(l) || l[n] == l[n+1] {
				return ""
			}
			return join(l[:n], []string{l[n+1], l[n]}, l[n+2:])
		}},
		{"cut in the middle by the kernel", func(l []string, n int) string {
			half := len(l[n]) / 2
			return join(l[:n], []string{l[n][:half] + "[    1.234567] random: crng init done", l[n][half:]}, l[n+1:])
		}},
		{"begun by the kernel", func(l []string, n int) string {
			return join(l[:n], []string{"[    1.234567] random: crng init done" + l[n]}, l[n+1:])
		}},
		{"ended by a space", func(l []string, n int) string { return join(l[:n], []string{l[n] + " "}, l[n+1:]) }},
		{"emptied", func(l []string, n int) string { return join(l[:n], []string{""}, l[n+1:]) }},
	}
	// What leaves all lines of the report there, in their order, or can be taken
	// out again.
	harmless := map[string]func(n, last int) bool{
		"cut in the middle by the kernel": func(_, _ int) bool { return true },
		"doubled":                         func(n, last int) bool { return n == 0 || n == last },
		"begun by the kernel":             func(n, _ int) bool { return n == 0 },
	}
	for _, file := range []string{conformant, notConformant} {
		truth := parsed(t, stored(t, file))
		last := len(truth.Lines) - 1
		for _, d := range damages {
			t.Run(file+" "+d.name, func(t *testing.T) {
				t.Parallel()
				for n := range truth.Lines {
					r := neverAnother(t, truth, d.damage(truth.Lines, n), "line %d", n+1)
					whole := r != nil && r.Incomplete == nil
					same := harmless[d.name] != nil && harmless[d.name](n, last)
					require.Equal(t, same, whole, "line %d: whole", n+1)
				}
			})
		}
	}
}
