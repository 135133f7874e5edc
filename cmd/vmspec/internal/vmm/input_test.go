package vmm

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	guestconsole "vmspec/probes/console"
)

func TestWanted(t *testing.T) {
	for name, line := range map[string]string{
		"no request":        "# vmspec: trial timer",
		"no word":           guestconsole.InputRequest,
		"something to obey": guestconsole.InputRequest + "quit",
		"an escape":         guestconsole.InputRequest + "\x01x",
		"two words":         guestconsole.InputRequest + "12 34",
		"a long one":        guestconsole.InputRequest + strings.Repeat("a", 17),
	} {
		_, asked := wanted(line)
		require.False(t, asked, name)
	}
	word, asked := wanted("(XEN) DOM1: " + guestconsole.InputRequest + "0a1b2c3d\r")
	require.True(t, asked)
	require.Equal(t, "0a1b2c3d", word)
}

// What a guest asks for is typed on its console, and not for ever.
func TestTypes(t *testing.T) {
	t.Parallel()
	r := sh(t, `for i in $(seq 20); do echo "`+guestconsole.InputRequest+`$i"; done; head -c 39 > $2/typed; cat $1`)
	out := outcome(t, r)
	requireWhole(t, out)
	require.Equal(t, maxTyped, out.Typed)
	typed, err := os.ReadFile(filepath.Join(dir(r), "typed"))
	require.NoError(t, err)
	require.Equal(t, "1\r2\r3\r4\r5\r6\r7\r8\r9\r10\r11\r12\r13\r14\r15\r16\r", string(typed))
}

// A VMM that does not read costs no more than a moment.
func TestTypesInVain(t *testing.T) {
	t.Parallel()
	for _, script := range []string{`exec <&-; `, ``} { // a pipe without a reader, and one that nobody empties
		r := sh(t, script+`echo "`+guestconsole.InputRequest+`1"; sleep .2; cat $1`)
		out := outcome(t, r)
		requireWhole(t, out)
		require.Zero(t, out.Typed)
	}
}

func TestTypesOnASocket(t *testing.T) {
	host, vm := net.Pipe()
	s := &serial{}
	s.Type("nobody is there yet")
	s.in = host
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 16)
		n, _ := vm.Read(b)
		got <- string(b[:n])
	}()
	s.Type("0a1b2c3d\r")
	require.Equal(t, "0a1b2c3d\r", <-got)
	began := time.Now()
	s.Type("nobody reads")
	require.Less(t, time.Since(began), 10*typeMost)
	require.NoError(t, s.Close())
}
