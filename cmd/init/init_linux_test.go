package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vmspec/probes"
	"vmspec/probes/console"
	"vmspec/probes/guest/guesttest"
	"vmspec/suite"
)

func TestTerminals(t *testing.T) {
	terminal := func(names ...string) *probes.Facts {
		var f console.Facts
		for _, name := range names {
			f.Terminals = append(f.Terminals, console.Terminal{Name: name})
		}
		return &probes.Facts{Console: &f}
	}
	for _, c := range []struct {
		name  string
		facts *probes.Facts
		want  []string
	}{
		{"consoles that could not be read", &probes.Facts{}, []string{"/dev/console"}},
		{"none", terminal(), []string{"/dev/console"}},
		{"UARTs before what nobody may drain", terminal("hvc0", "hvc1", "ttyAMA0", "ttyS0"),
			[]string{"/dev/ttyAMA0", "/dev/ttyS0", "/dev/hvc0", "/dev/hvc1"}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, terminals(c.facts)) })
	}
}

// A report goes to a device whole, one line after the other.
func TestPrintOn(t *testing.T) {
	lines := suite.Judge(probes.Read(guesttest.Open(t, "qemu-virt-gicv2"))).Report().Wire(2)
	name := filepath.Join(t.TempDir(), "console")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	require.NoError(t, printOn(name, lines, false))
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, strings.Join(lines, "\n")+"\n", string(got))
	require.ErrorContains(t, printOn(filepath.Join(t.TempDir(), "none"), lines, false), "no such file")
}

// A device that takes nothing is given up, and the others say so.
func TestPublishSaysWhoIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		printed := map[string][]string{}
		publishTogether([]string{"report"}, []string{"ttyAMA0", "hvc0", "ttyS0"}, func(device string, lines []string, _ bool) error {
			if device == "hvc0" {
				time.Sleep(2 * consoleLimit)
			}
			mu.Lock()
			defer mu.Unlock()
			printed[device] = append(printed[device], lines...)
			return nil
		})
		const late = "# vmspec: hvc0 did not take the report in 30s"
		require.Equal(t, map[string][]string{"ttyAMA0": {"report", late}, "ttyS0": {"report", late}}, printed)
		time.Sleep(2 * consoleLimit) // hvc0 comes after all
	})
}

// A device that is slow gets the whole report, however long that takes.
func TestPublishSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := strings.Split(strings.Repeat("line ", 4*publishBatch), " ")
		var printed []string
		publishTogether(lines, []string{"ttyAMA0"}, func(_ string, batch []string, _ bool) error {
			time.Sleep(consoleLimit * 3 / 4)
			printed = append(printed, batch...)
			return nil
		})
		require.Equal(t, lines, printed)
	})
}

// What is no terminal, such as a port, gets all batches.
func TestPublishToAPort(t *testing.T) {
	port := filepath.Join(t.TempDir(), "port")
	require.NoError(t, os.WriteFile(port, nil, 0o600))
	require.NoError(t, printOn(port, []string{"a line"}, true))
	data, err := os.ReadFile(port)
	require.NoError(t, err)
	require.Equal(t, "a line\n", string(data))
}

func TestListened(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	require.True(t, listened(int(w.Fd())))
	require.NoError(t, r.Close())
	var ends [2]int
	require.NoError(t, unix.Pipe(ends[:]))
	require.NoError(t, unix.Close(ends[1]))
	require.False(t, listened(ends[0]), "the other side is gone")
	require.NoError(t, unix.Close(ends[0]))
}

func TestWithin(t *testing.T) {
	text := make(chan []byte, 1)
	require.Equal(t, "error no end after 1ms\n", string(within(time.Millisecond, text)))
	text <- []byte("counter cntvct 1\n")
	require.Equal(t, "counter cntvct 1\n", string(within(time.Minute, text)))
}
