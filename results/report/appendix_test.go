package report

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// full is a report with an appendix in which something stands everywhere.
func full(nonce string) *Report {
	r := hostile("a: b")
	r.Nonce = nonce
	r.Appendix.Points = []Point{
		{ID: "FW-ONE", Title: "It holds", Verdict: Fail, Kind: "evidence", Problem: "no", Found: "a", Fix: "Mend it."},
		{ID: "FW-TWO", Title: "It holds", Verdict: Pass, Kind: "evidence"},
	}
	r.Appendix.Rows = append(r.Appendix.Rows, Row{"FW-ONE", []Clause{{}, {Info, ""}}}, Row{"FW-TWO", []Clause{{}, {Should, "Firmware 2"}}})
	return r
}

func TestFrames(t *testing.T) {
	for _, nonce := range []string{"-", "43e9f496", strings.Repeat("n", MaxNonce)} {
		r := full(nonce)
		packed := unframe(t, "v1", nonce, r.Frames())
		in, err := gzip.NewReader(bytes.NewReader(packed))
		require.NoError(t, err)
		text, err := io.ReadAll(in)
		require.NoError(t, err)
		rest, ok := strings.CutPrefix(string(text), strings.Join(r.TAP(), "\n")+"\n")
		require.True(t, ok, "the report stands first")
		require.Equal(t, `not ok 0 - FW-ONE It holds
  ---
  kind: "evidence"
  problem: "no"
  found: "a"
  fix: "Mend it."
  ...
ok 0 - FW-TWO It holds
  ---
  kind: "evidence"
  ...
# vmspec: profiles rfc-v2 v2.0
PLAT-GIC|must|VM Platform 5||
FW-ONE|||info|
FW-TWO|||should|Firmware 2
`, rest)

		data, err := Unframe(texts(t, r.Frames()))
		require.NoError(t, err)
		again, lines, err := Unpack(data)
		require.NoError(t, err)
		require.Equal(t, r.TAP(), lines)
		require.Equal(t, r.Appendix, again.Appendix)
		require.Equal(t, r.Frames(), again.Frames())
	}
}

func TestUnpackErrors(t *testing.T) {
	r := full("a")
	text := strings.Join(r.TAP(), "\n") + "\n"
	rest := strings.Join(r.Appendix.lines(), "\n") + "\n"
	for name, c := range map[string]struct {
		data []byte
		err  string
	}{
		"empty":            {nil, "EOF"},
		"not compressed":   {[]byte(text + rest), "gzip: invalid header"},
		"cut":              {pack(text + rest)[:100], "unexpected EOF"},
		"a bomb":           {pack(strings.Repeat(" ", maxPayload+1)), "more than a report"},
		"nothing":          {pack(""), "their report is not whole"},
		"an end alone":     {pack(text[strings.Index(text, endMark):]), "their report is not whole"},
		"no end":           {pack(text[:strings.Index(text, endMark)]), "their report is not whole"},
		"something before": {pack("1..1\n" + text + rest), "their report is not whole"},
		"something within": {pack(strings.Replace(text, "\n", "\nforeign\n", 1) + rest), "their report is not whole"},
		"another line":     {pack(strings.Replace(text, "not ok", "ok", 1) + rest), "their report is not whole"},
		"no profiles":      {pack(text), "its frames name no profiles"},
		"a row too short":  {pack(text + rest + "FW-THREE|must|a\n"), `its frames' line "FW-THREE|must|a" is none of 2 profiles`},
		"a row too long":   {pack(text + rest + "FW-THREE|must|a|||\n"), `its frames' line "FW-THREE|must|a|||" is none of 2 profiles`},
		"an empty line":    {pack(text + rest + "\n"), `its frames' line "" is none of 2 profiles`},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Unpack(c.data)
			require.EqualError(t, err, c.err)
		})
	}
}

// FuzzUnpack: whatever the frames hold, a report that is read of them is whole,
// and so is its appendix.
func FuzzUnpack(f *testing.F) {
	r := full("a")
	f.Add(strings.Join(r.TAP(), "\n") + "\n" + strings.Join(r.Appendix.lines(), "\n") + "\n")
	f.Add(strings.Join(r.TAP(), "\n") + "\n# vmspec: profiles \n")
	f.Add("TAP version 13\n# vmspec: profiles a\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, lines, err := Unpack(pack(text))
		if err != nil {
			return
		}
		before, end := ended(t, lines)
		again, err := Parse(before, end)
		require.NoError(t, err)
		require.Equal(t, again.Points, r.Points)
		for _, row := range r.Appendix.Rows {
			require.Len(t, row.Clauses, len(r.Appendix.Profiles))
		}
	})
}

// A packer that was used before gives the same bytes.
func TestFramesAgain(t *testing.T) {
	r := full("a1")
	first := r.Frames()
	full("b2").Frames()
	require.Equal(t, first, r.Frames())
}
