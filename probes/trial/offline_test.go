package trial

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"testing/fstest"

	"vmspec/probes/cpu"
	"vmspec/probes/note"

	"github.com/stretchr/testify/require"
)

// switches are CPUs that do as they are told, but for some.
type switches struct {
	broken map[string]error // by CPU and state: "2 0"
	fixed  int              // the CPU that has no switch
	ran    map[int]int      // where a thread runs that is bound to another CPU
	told   []string
}

func (s *switches) can(n int) bool { return n != s.fixed }

func (s *switches) set(n int, online string) error {
	call := fmt.Sprint(n, " ", online)
	s.told = append(s.told, call)
	return s.broken[call]
}

func (s *switches) run(on int) (int, error) {
	if ran, wrong := s.ran[on]; wrong {
		return ran, nil
	}
	return on, s.broken[fmt.Sprint(on, " run")]
}

func TestTryOffline(t *testing.T) {
	tests := map[string]struct {
		online string
		power  switches
		want   string
		told   []string
		err    error
	}{
		"does not go":        {"0-1", switches{broken: map[string]error{"1 0": syscall.EBUSY}}, "secondaries 1\noff 1 EBUSY device or resource busy\n", []string{"1 0"}, nil},
		"does not come back": {"0-1", switches{broken: map[string]error{"1 1": errUnchanged}}, "secondaries 1\noff 1 ok\non 1 unchanged\n", []string{"1 0", "1 1"}, nil},
		"runs elsewhere":     {"0-1", switches{ran: map[int]int{1: 0}}, "secondaries 1\noff 1 ok\non 1 ok\nran 1 0\n", []string{"1 0", "1 1"}, nil},
		"cannot be run on":   {"0-1", switches{broken: map[string]error{"1 run": errIO}}, "secondaries 1\noff 1 ok\non 1 ok\n", []string{"1 0", "1 1"}, errIO},
		"has no switch":      {"0-1", switches{fixed: 1}, "secondaries 1\n", nil, nil},
		"one CPU":            {"3", switches{}, "secondaries 0\n", nil, nil},
		"many CPUs": {"0-63", switches{},
			"secondaries 63\noff 1 ok\non 1 ok\nran 1 1\noff 2 ok\non 2 ok\nran 2 2\noff 3 ok\non 3 ok\nran 3 3\noff 63 ok\non 63 ok\nran 63 63\n",
			[]string{"1 0", "1 1", "2 0", "2 1", "3 0", "3 1", "63 0", "63 1"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var n cpu.Offline
			files := fstest.MapFS{cpuDir + "online": {Data: []byte(test.online + "\n")}}
			require.ErrorIs(t, tryOffline(files, &test.power, &n), test.err)
			require.Equal(t, test.want, string(note.Text(&n)))
			require.Equal(t, test.told, test.power.told)
		})
	}
	require.ErrorIs(t, tryOffline(fstest.MapFS{}, &switches{}, &cpu.Offline{}), fs.ErrNotExist)
}

func TestBringBack(t *testing.T) {
	require.ErrorIs(t, BringBack(fstest.MapFS{}), fs.ErrNotExist)
	require.ErrorContains(t, BringBack(fstest.MapFS{cpuDir + "offline": {Data: []byte("x")}}), "is not a list of CPUs")
	require.NoError(t, BringBack(fstest.MapFS{cpuDir + "offline": {Data: []byte("\n")}}), "all are online")
	require.Error(t, BringBack(fstest.MapFS{cpuDir + "offline": {Data: []byte("4000")}}), "there is no such CPU")
}
