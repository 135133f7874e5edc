//go:build !arm

package look

import (
	"encoding/binary"
	"errors"
	"testing"

	"vmspec/probes/note"
	"vmspec/probes/tpm"

	"github.com/stretchr/testify/require"
)

// scripted is a TPM that answers what it was given, one answer a command.
type scripted [][]byte

func (s *scripted) Write(command []byte) (int, error) { return len(command), nil }

func (s *scripted) Read(p []byte) (int, error) {
	if len(*s) == 0 {
		return 0, errors.New("no answer")
	}
	answer := (*s)[0]
	*s = (*s)[1:]
	return copy(p, answer), nil
}

// be lays out numbers as big-endian bytes; ints are 32 bits wide.
func be(values ...any) []byte {
	var out []byte
	for _, v := range values {
		switch v := v.(type) {
		case int:
			out = binary.BigEndian.AppendUint32(out, uint32(v))
		case []byte:
			out = append(out, v...)
		default:
			out, _ = binary.Append(out, binary.BigEndian, v)
		}
	}
	return out
}

// response is a TPM's response without sessions: TPM 2.0 Library, part 1,
// section 18.9.
func response(code int, body ...any) []byte {
	text := be(body...)
	return be(uint16(0x8001), 10+len(text), code, text)
}

var (
	family = response(0, uint8(0), 6, 2, 0x100, 0x322e3000, 0x105, 0x49424d00)
	banks  = response(0, uint8(0), 5, 3, uint16(4), uint8(3), []byte{0, 0, 0}, uint16(0xb), uint8(3), []byte{255, 255, 255}, uint16(0x12), uint8(1), []byte{1})
)

func TestDescribeTPM(t *testing.T) {
	const said = "family \"2.0\"\nmanufacturer \"IBM\"\n"
	tests := map[string]struct {
		answers   [][]byte
		want, err string
	}{
		"silent":             {nil, "", "get properties: no answer"},
		"not started":        {[][]byte{response(0x100)}, "", "get properties: TPM_RC_INITIALIZE"},
		"cut":                {[][]byte{family[:20]}, "", "get properties: "},
		"another capability": {[][]byte{banks}, "", "get properties: "},
		"four billion":       {[][]byte{response(0, uint8(0), 6, -1, 0x100)}, "", "get properties: "},
		"no banks":           {[][]byte{family, response(0x143)}, said, "get PCR banks: "},
		"banks without end":  {[][]byte{family, response(0, uint8(0), 5, -1)}, said, "get PCR banks: "},
		"whole":              {[][]byte{family, banks}, said + "bank sha1 0\nbank sha256 24\nbank 0x0012 1\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var n tpm.Note
			s := scripted(test.answers)
			err := describeTPM(&s, &n)
			require.Equal(t, test.want, string(note.Text(&n)))
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.err)
		})
	}
}

func TestWithoutTPM(t *testing.T) {
	var n tpm.Note
	require.ErrorContains(t, TPM(&n), "/dev/tpm")
	require.Zero(t, n)
}

func FuzzDescribeTPM(f *testing.F) {
	f.Add(family, banks)
	f.Add(response(0x100), banks[:20])
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var n tpm.Note
		s := scripted{first, second}
		if describeTPM(&s, &n) == nil {
			require.LessOrEqual(t, len(note.Text(&n)), 16*(len(first)+len(second)))
		}
	})
}
