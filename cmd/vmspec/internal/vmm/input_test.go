package vmm

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// ask asks for a word.
func ask(word string) string { return report.Need{Name: report.NeedInput, Nonce: word}.Line() }

// What a guest asks for is typed on its console, and not for ever.
func TestTypes(t *testing.T) {
	t.Parallel()
	r := sh(t, `for i in $(seq 20); do echo "`+ask("$i")+`"; done; head -c 39 > $2/typed; cat $1`)
	out := outcome(t, r)
	requireWhole(t, out)
	require.Equal(t, maxNeeds, out.Typed)
	typed, err := os.ReadFile(filepath.Join(dir(r), "typed"))
	require.NoError(t, err)
	require.Equal(t, "1\r2\r3\r4\r5\r6\r7\r8\r9\r10\r11\r12\r13\r14\r15\r16\r", string(typed))
}

// A VMM that does not read costs no more than a moment.
func TestTypesInVain(t *testing.T) {
	t.Parallel()
	for _, script := range []string{`exec <&-; `, ``} { // a pipe without a reader, and one that nobody empties
		r := sh(t, script+`echo "`+ask("1")+`"; sleep .2; cat $1`)
		out := outcome(t, r)
		requireWhole(t, out)
		require.Zero(t, out.Typed)
	}
}

func TestTypesOnASocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	s := &serial{}
	s.Type("nobody is there yet")
	s.in, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	vm, err := l.Accept()
	require.NoError(t, err)
	defer vm.Close()
	s.Type("0a1b2c3d\r")
	got := make([]byte, 9)
	_, err = io.ReadFull(vm, got)
	require.NoError(t, err)
	require.Equal(t, "0a1b2c3d\r", string(got))
	require.NoError(t, s.Close())
}

// One that nobody reads keeps us for no more than a moment.
func TestTypesOnAFullSocket(t *testing.T) {
	host, vm := net.Pipe()
	defer vm.Close()
	s := &serial{in: host}
	require.Zero(t, s.Type("nobody reads"))
	require.NoError(t, s.Close())
}
