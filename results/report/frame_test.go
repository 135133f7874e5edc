package report

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unframe reads frames as they are documented, as another program would.
func unframe(t *testing.T, kind, nonce string, frames []string) []byte {
	t.Helper()
	data := []byte{}
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

// texts are the BASE64 of frames that are all whole.
func texts(t *testing.T, frames []string) (out []string) {
	t.Helper()
	for _, line := range frames {
		require.Zero(t, FindFrame(line))
		f, length, _, whole := ParseFrame(line)
		require.True(t, whole, line)
		require.Len(t, line, length)
		require.Equal(t, len(out)+1, f.Seq)
		require.Equal(t, len(frames), f.Total)
		out = append(out, f.Text)
	}
	return out
}

func TestCaptureFrames(t *testing.T) {
	for _, size := range []int{0, 1, minPiece, 1000, 200_000} {
		data := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{}).Read(data) // never an error
		for nonce, written := range map[string]string{"": "-", strings.Repeat("n", MaxNonce): strings.Repeat("n", MaxNonce)} {
			frames := CaptureFrames(nonce, data)
			require.Equal(t, data, unframe(t, "c1", written, frames))
			again, err := Unframe(texts(t, frames))
			require.NoError(t, err)
			require.Equal(t, data, append([]byte{}, again...))
		}
	}
}

func TestUnframeRefuses(t *testing.T) {
	_, err := Unframe([]string{"AAAA", "A"})
	require.ErrorContains(t, err, "frame 2: illegal base64 data")
}

func TestFindFrame(t *testing.T) {
	for line, want := range map[string]int{
		"": -1, "1 ": -1, "# v1": -1, "# v2 a": -1, "#v1 a": -1, "# v1 ": 0, "# c1 a": 0, "1 # v1 a": 2, "# v# c1 a": 3,
	} {
		require.Equal(t, want, FindFrame(line), line)
	}
}

func TestParseFrame(t *testing.T) {
	sealed := func(kind, place, text string) string {
		return fmt.Sprintf("# %s %s %08x %s", kind, place, checksum(place, text), text)
	}
	for _, c := range []struct {
		name, text   string
		begun, whole bool
	}{
		{"empty", "", false, false},
		{"another kind", sealed("v2", "a 1/1", "AAAA"), false, false},
		{"no nonce", sealed("v1", " 1/1", "AAAA"), false, false},
		{"a long nonce", sealed("v1", strings.Repeat("n", MaxNonce+1)+" 1/1", "AAAA"), false, false},
		{"no number", sealed("v1", "a /1", "AAAA"), false, false},
		{"no total", sealed("v1", "a 1/", "AAAA"), false, false},
		{"six digits", sealed("v1", "a 1/100000", "AAAA"), false, false},
		{"a short checksum", "# v1 a 1/1 0000000 AAAA", false, false},
		{"cut before its data", "# v1 a 1/1 00000000", false, false},
		{"no data", sealed("v1", "a 1/1", ""), true, false},
		{"another checksum", "# v1 a 1/1 00000000 AAAA", true, false},
		{"number 0", sealed("v1", "a 0/1", "AAAA"), true, false},
		{"beyond the total", sealed("v1", "a 2/1", "AAAA"), true, false},
		{"too many for a report", sealed("v1", "a 1/1000", "AAAA"), true, false},
		{"whole", sealed("v1", "a 1/1", "AAAA"), true, true},
		{"whole, of a capture", sealed("c1", "a 1/1000", "AAAA"), true, true},
		{"something behind it", sealed("v1", "a 1/1", "AAAA") + " [    1.0] kernel", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, begun, whole := ParseFrame(c.text)
			require.Equal(t, []bool{c.begun, c.whole}, []bool{begun, whole})
		})
	}
}

// FuzzParseFrame: a whole frame can be written again, and no other is whole.
func FuzzParseFrame(f *testing.F) {
	for _, line := range hostile("x").Frames()[:2] {
		f.Add(line)
		f.Add(line[:len(line)-1])
		f.Add(line + " more")
	}
	f.Add("# c1 a 00001/00002 00000000 AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		frame, length, begun, whole := ParseFrame(text)
		require.LessOrEqual(t, length, len(text))
		require.False(t, whole && !begun)
		require.Equal(t, begun, length > 0)
		if !whole {
			return
		}
		again, _, _, whole := ParseFrame(frame.line())
		require.True(t, whole)
		require.Equal(t, frame, again)
	})
}
