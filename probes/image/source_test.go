package image

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// What is wrong is told from what could not be read, and little is said.
func TestSeen(t *testing.T) {
	var s Seen
	require.True(t, s.Sound())
	s.add(nil)
	require.True(t, s.Sound())
	s.add(errors.New("bent"))
	s.add(fmt.Errorf("entries: %w", unread{io.ErrUnexpectedEOF}))
	s.add(unread{errors.New("another")})
	require.Equal(t, Seen{Wrong: []string{"bent"}, Unread: "entries: unexpected EOF"}, s)
	require.False(t, s.Sound())
	for n := range 2 * maxWrong {
		s.wrong("fault %d", n/2)
	}
	require.Len(t, s.Wrong, maxWrong)
	require.Equal(t, "fault 0", s.Wrong[1])
	require.Equal(t, "fault 1", s.Wrong[2], "nothing is said twice")
}

func TestSource(t *testing.T) {
	s := sourceOf([]byte("0123456789"))
	b, err := s.read(3, 4)
	require.NoError(t, err)
	require.Equal(t, "3456", string(b))
	b, err = s.upTo(8, 512)
	require.NoError(t, err)
	require.Equal(t, "89", string(b))
	for fault, c := range map[string]struct {
		s    *source
		at   uint64
		n    int
		want string
		ours bool // the error is not the image's fault
	}{
		"behind the end":     {s, 11, 0, "0 bytes at byte 11 are behind the end of the disk, 10", false},
		"across the end":     {s, 9, 2, "2 bytes at byte 9 are behind the end of the disk, 10", false},
		"far behind the end": {s, 1<<64 - 1, 2, "behind the end", false},
		"too much":           {&source{r: s.r, size: 10, left: 1}, 0, 2, "there is too much to read", true},
		"a disk that fails":  {&source{r: failing{}, size: 10, left: 10}, 0, 2, "read 2 bytes at byte 0: EIO", true},
		"a disk that shrank": {&source{r: strings.NewReader("0"), size: 10, left: 10}, 0, 2, "read 2 bytes at byte 0: unexpected EOF", true},
	} {
		_, err := c.s.read(c.at, c.n)
		require.ErrorContains(t, err, c.want, fault)
		require.Equal(t, c.ours, errors.As(err, new(unread)), fault)
	}
}

// failing is a disk that cannot be read.
type failing struct{}

func (failing) ReadAt(b []byte, _ int64) (int, error) {
	return iotest.ErrReader(errors.New("EIO")).Read(b)
}
