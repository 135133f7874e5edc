package note_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/note"
)

// read reads a note of that text.
func read(text []byte) ([]note.Line, error) {
	return note.Read(fstest.MapFS{"vmspec/n": {Data: text}}, "n")
}

func TestRead(t *testing.T) {
	tests := map[string]struct {
		text  string
		lines []note.Line
		err   string
	}{
		"failed wholly":         {"error no such thing\n", nil, "vmspec/n: no such thing"},
		"failed half-way":       {"a 1\nerror x: y\nb 2\n", []note.Line{{"a", "1"}}, "vmspec/n: x: y"},
		"failed without a word": {"a 1\nerror \n", []note.Line{{"a", "1"}}, "vmspec/n"},
		"empty":                 {"", nil, ""},
		"blank lines":           {"\n \n\t\n", nil, ""},
		"error is a word":       {"a error\nerrors 1\n", []note.Line{{"a", "error"}, {"errors", "1"}}, ""},
		"lines":                 {" a  1 \nb\n\nc x y", []note.Line{{"a", "1"}, {"b"}, {"c", "x", "y"}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			lines, err := read([]byte(test.text))
			require.Equal(t, test.lines, lines)
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.err)
		})
	}
	_, err := note.Read(fstest.MapFS{}, "n")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestTake(t *testing.T) {
	tests := map[string]struct {
		written string
		err     error
		want    string
	}{
		"failed":               {"", errors.New("broken"), "error broken\n"},
		"failed half-way":      {"a 1\n", errors.New("broken"), "a 1\nerror broken\n"},
		"failed within a line": {"a 1", errors.New("broken"), "a 1\nerror broken\n"},
		"error of two lines":   {"", errors.New("one\ntwo"), "error one; two\n"},
		"well":                 {"a 1\n", nil, "a 1\n"},
		"nothing":              {"", nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := note.Take(func(w io.Writer) error {
				fmt.Fprint(w, test.written)
				return test.err
			})
			require.Equal(t, test.want, string(got))
		})
	}
}

// What may crash does so in a child, but a mistake of ours may be anywhere.
func TestTakePanics(t *testing.T) {
	got := note.Take(func(w io.Writer) error {
		fmt.Fprintln(w, "a 1")
		panic("out of range")
	})
	require.Equal(t, "a 1\nerror panic: out of range\n", string(got))
}

func TestLine(t *testing.T) {
	l := note.Line{"cpu", "18446744073709551615", "-1", "18446744073709551616", "0x1"}
	require.Equal(t, "cpu", l.Word(0))
	require.Empty(t, l.Word(5), "no such word")
	for _, i := range []int{0, 2, 3, 4, 5} {
		_, err := l.Uint(i)
		require.ErrorContains(t, err, fmt.Sprintf("word %d is not a number", i+1))
	}
	n, err := l.Uint(1)
	require.NoError(t, err)
	require.EqualValues(t, uint64(1<<64-1), n)

	var a, b uint64
	require.ErrorContains(t, l.Scan([]int{1, 2}, &a, &b), "word 3")
	require.NoError(t, note.Line{"x", "7", "y", "8"}.Scan([]int{1, 3}, &a, &b))
	require.Equal(t, []uint64{7, 8}, []uint64{a, b})
}

// Whatever a measurement writes, its failure must not get lost.
func FuzzTake(f *testing.F) {
	for _, files := range guesttest.All(f) {
		for _, n := range []string{"counter", "efi", "timer", "clock"} {
			if text, err := files.ReadFile("vmspec/" + n); err == nil { // no efi without UEFI
				f.Add(string(text), "input/output error", true)
			}
		}
	}
	f.Add("a 1", "killed", true)
	f.Add("", "", true)
	f.Fuzz(func(t *testing.T, written, failure string, failed bool) {
		text := note.Take(func(w io.Writer) error {
			fmt.Fprint(w, written)
			if failed {
				return errors.New(failure)
			}
			return nil
		})
		lines, err := read(text)
		if failed {
			require.Error(t, err)
		}
		for _, l := range lines {
			require.NotEmpty(t, l)
			require.NotContains(t, strings.Join(l, ""), "\n")
		}
	})
}
