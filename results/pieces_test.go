package results

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// piecesOf are the pieces of a log as bufio reads them.
func piecesOf(log string, most int) (pieces []string) {
	in := bufio.NewReaderSize(strings.NewReader(log), most)
	for {
		text, err := in.ReadSlice('\n')
		if len(text) > 0 {
			pieces = append(pieces, string(text))
		}
		if err == io.EOF {
			return pieces
		}
	}
}

func FuzzEachPiece(f *testing.F) {
	f.Add("a\nb\n", 16)
	f.Add(strings.Repeat("a", 16)+"\n", 16)
	f.Add(strings.Repeat("a", 33)+"\r\n\n\nb", 16)
	f.Add(strings.Repeat(strings.Repeat("a", 100)+"\n", 2000), 4096)
	f.Fuzz(func(t *testing.T, log string, most int) {
		if most < 16 || most > maxRecord {
			return // bufio has no smaller buffer
		}
		for _, in := range []io.Reader{
			strings.NewReader(log), iotest.OneByteReader(strings.NewReader(log)), &fewReader{log: log}, iotest.DataErrReader(strings.NewReader(log)),
		} {
			var got []string
			require.NoError(t, eachPiece(in, most, func(line []byte, text string) {
				require.Equal(t, text, string(line))
				got = append(got, text)
			}))
			require.Equal(t, piecesOf(log, most), got)
		}
	})
}

// fewReader reads a few bytes more each time, as a console brings them.
type fewReader struct {
	log string
	n   int
}

func (r *fewReader) Read(b []byte) (int, error) {
	if r.log == "" {
		return 0, io.EOF
	}
	r.n = r.n%7 + 1
	n := copy(b[:min(len(b), r.n)], r.log)
	r.log = r.log[n:]
	return n, nil
}

type silentReader struct{}

func (silentReader) Read([]byte) (int, error) { return 0, nil }

func TestEachPieceOfNothing(t *testing.T) {
	require.ErrorIs(t, eachPiece(silentReader{}, maxLine, func([]byte, string) {}), io.ErrNoProgress)
}
