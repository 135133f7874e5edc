package suite

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
)

// unframe reads frames as Report.Frames documents them, as another program
// would.
func unframe(t *testing.T, kind, nonce string, frames []string) []byte {
	t.Helper()
	var data []byte
	for i, line := range frames {
		require.LessOrEqual(t, len(line), MaxLine)
		fields := strings.Fields(line)
		require.Len(t, fields, 6)
		require.Equal(t, []string{"#", kind, nonce, fmt.Sprintf("%d/%d", i+1, len(frames))}, fields[:4])
		crc := crc32.ChecksumIEEE([]byte(fields[2] + " " + fields[3] + " " + fields[5]))
		require.Equal(t, fmt.Sprintf("%08x", crc), fields[4])
		piece, err := base64.StdEncoding.DecodeString(fields[5])
		require.NoError(t, err)
		data = append(data, piece...)
	}
	return data
}

func TestCaptureFrames(t *testing.T) {
	for _, size := range []int{0, 1, minPiece, 1000, 200_000} {
		data := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{}).Read(data) // never an error
		for _, nonce := range []string{"", strings.Repeat("n", MaxNonce)} {
			s := Settings{Nonce: nonce}
			require.Equal(t, data, append([]byte{}, unframe(t, "c1", s.nonce(), s.CaptureFrames(data))...))
		}
	}
}

func TestFrames(t *testing.T) {
	report := Judge(probes.Read(guesttest.Open(t, uefiGuest)))
	for _, nonce := range []string{"", "43e9f496", strings.Repeat("n", MaxNonce)} {
		report.Settings.Nonce = nonce
		packed := unframe(t, "v1", report.Settings.nonce(), report.Frames())
		in, err := gzip.NewReader(bytes.NewReader(packed))
		require.NoError(t, err)
		text, err := io.ReadAll(in)
		require.NoError(t, err)
		rest, ok := strings.CutPrefix(string(text), strings.Join(report.Lines(), "\n")+"\n")
		require.True(t, ok, "the report stands first")
		require.Contains(t, rest, "\n# vmspec: profiles rfc-v2 v1.0 v2.0\n")
		for _, r := range Catalogue() {
			require.Contains(t, rest, "\n"+r.ID+"|")
			_, asked := r.Clauses.By(report.Settings.Profile)
			require.Equal(t, !asked, strings.Contains(rest, "ok 0 - "+r.ID+" "), r.ID)
		}
		require.Contains(t, rest, "\nHW-ACPI-UEFI||||", "rfc-v2 does not ask it")
		require.NotContains(t, rest, "  clause: ")
	}
}

func TestWire(t *testing.T) {
	report := Judge(probes.Read(guesttest.Open(t, uefiGuest)))
	lines, frames := report.Lines(), report.Frames()
	for copies := range 3 {
		report.Settings.Frames = copies
		require.Len(t, report.Wire(), len(lines)+copies*len(frames))
		require.Equal(t, lines, report.Wire()[:len(lines)])
	}
}

// LAVA takes a test case's name in lower case, with one underscore for what is
// no letter, digit or underscore; two cases of one name overwrite each other.
func TestIDsStayUniqueInLAVA(t *testing.T) {
	seen := map[string]string{}
	for _, r := range Catalogue() {
		name := regexp.MustCompile(`\W+`).ReplaceAllString(strings.ToLower(r.ID), "_")
		require.Empty(t, seen[name], r.ID)
		seen[name] = r.ID
	}
}
