package note_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/note"
)

// sample has a row of each kind, and a field of each.
type sample struct {
	Dead   bool
	Name   string
	Hz     uint64
	Stuck  *stuck
	Edges  []edge
	Links  []link
	Blocks [][]byte
}

type stuck struct {
	Seconds int64
	Address uint64
	Mask    uint32
}

type edge struct {
	CPU         int
	Kind        uint8
	First, Text string
}

type link struct {
	Name    string
	Up      string
	Carrier *bool
	Reads   []uint64
}

func (s *sample) Format() note.Format {
	return note.Format{Name: "sample", Doc: "a row of each kind", Rows: []note.Row{
		note.Flag("dead", "nothing was tried", &s.Dead),
		note.Line("counter", "", note.Word("NAME", &s.Name), note.Uint("HZ", &s.Hz)),
		note.Maybe(&s.Stuck, func(s *stuck) note.Row {
			return note.Line("stuck", "it did not end", note.Int("SECONDS", &s.Seconds), note.Hex("at ADDRESS", &s.Address), note.Hex32("MASK", &s.Mask))
		}),
		note.Each(&s.Edges, func(e *edge) note.Row {
			return note.Line("edge", "", note.Index("CPU", &e.CPU), note.Byte("TYPE", &e.Kind), note.Word("of FIRST", &e.First), note.Quoted("TEXT", &e.Text))
		}),
		note.Group(&s.Links, func(l *link) []note.Row {
			name := note.Word("LINK", &l.Name)
			return []note.Row{
				note.Line("up", "", name, note.Words("RESULT", &l.Up)),
				note.Maybe(&l.Carrier, func(c *bool) note.Row { return note.Line("carrier", "", name, note.Bit("0|1", c)) }),
				note.Each(&l.Reads, func(n *uint64) note.Row { return note.Line("read", "", name, note.Uint("BYTES", n)) }),
			}
		}),
		note.Each(&s.Blocks, func(b *[]byte) note.Row { return note.Line("block", "", note.Base64("BASE64", b)) }),
	}}
}

const whole = `dead
counter cntvct 1000
stuck -5 at 0x10 0x0
edge 0 0 of a "b  c\n"
edge 3 255 of b ""
up eth0 EPERM not permitted
carrier eth0 0
read eth0 0
read eth0 7
up eth1 ok
block AAE=
block 
`

func wholeSample() sample {
	return sample{Dead: true, Name: "cntvct", Hz: 1000, Stuck: &stuck{Seconds: -5, Address: 16},
		Edges:  []edge{{First: "a", Text: "b  c\n"}, {CPU: 3, Kind: 255, First: "b"}},
		Links:  []link{{Name: "eth0", Up: "EPERM not permitted", Carrier: new(bool), Reads: []uint64{0, 7}}, {Name: "eth1", Up: "ok"}},
		Blocks: [][]byte{{0, 1}, {}}}
}

// What is written is read back, and nothing is written of what is not there.
func TestText(t *testing.T) {
	s := wholeSample()
	require.Equal(t, whole, string(note.Text(&s)))
	var got sample
	require.NoError(t, note.Parse([]byte(whole), &got))
	require.Equal(t, s, got)
	require.Empty(t, note.Text(&sample{}))
	require.Equal(t, "counter a 0\n", string(note.Text(&sample{Name: "a"})), "one value is enough for a line")
}

func TestUsage(t *testing.T) {
	require.Equal(t, `vmspec/sample: a row of each kind
	dead                            nothing was tried
	counter NAME HZ
	stuck SECONDS at ADDRESS MASK   it did not end
	edge CPU TYPE of FIRST "TEXT"
	up LINK RESULT
	carrier LINK 0|1
	read LINK BYTES
	block BASE64
`, note.Usage(&sample{}))
}

// read reads a note of that text.
func read(text string) (sample, error) {
	var s sample
	err := note.Read(fstest.MapFS{"vmspec/sample": {Data: []byte(text)}}, &s)
	return s, err
}

// A malformed line is an error that names its row and its field.
func TestReadFaults(t *testing.T) {
	for text, want := range map[string]string{
		"error no such thing\n":               "no such thing",
		"error x: y\ncounter\n":               "x: y",
		"error \n":                            "",
		"dead end\n":                          `dead: "end" behind the last value`,
		"counter\n":                           "counter: no NAME",
		"counter cntvct\n":                    "counter: no HZ",
		"counter cntvct -1\n":                 `counter: HZ: "-1" is not a number`,
		"counter cntvct 1e3\n":                `counter: HZ: "1e3" is not a number`,
		"counter a 1 2\n":                     `counter: "2" behind the last value`,
		"stuck x at 0x1 0x1\n":                `stuck: SECONDS: "x" is not a number`,
		"stuck 1 on 0x1 0x1\n":                `stuck: at ADDRESS: "on" in place of "at"`,
		"stuck 1 at\n":                        "stuck: no at ADDRESS",
		"stuck 1 at 0x1 1000000g":             `stuck: MASK: "1000000g" is not a number`,
		"stuck 1 at 0 0x100000000":            `stuck: MASK: "0x100000000" is not a number`,
		"edge -1\n":                           `edge: CPU: "-1" is not a number`,
		"edge 0 256\n":                        `edge: TYPE: "256" is not a number`,
		"edge 0 0 of a b\n":                   `edge: TEXT: "b" is not a quoted text`,
		"edge 0 0 of a \"b\" c\n":             `edge: TEXT: "\"b\" c" is not a quoted text`,
		"up eth0\n":                           "up: no RESULT",
		"carrier eth0 2\n":                    `carrier: 0|1: "2" is neither 0 nor 1`,
		"block A\n":                           `block: BASE64: "A" is not base64`,
		"counter cntvct 18446744073709551616": `counter: HZ: "18446744073709551616" is not a number`,
	} {
		_, err := read(text)
		require.ErrorContains(t, err, "vmspec/sample: "+want, text)
	}
	require.ErrorIs(t, note.Read(fstest.MapFS{}, &sample{}), fs.ErrNotExist)
}

func TestRead(t *testing.T) {
	for text, want := range map[string]sample{
		"":                              {},
		"\n \n\t\n":                     {},
		"later 1\n counter  a\t5 \n":    {Name: "a", Hz: 5},
		"errors 1\ncounter error 1":     {Name: "error", Hz: 1},
		"counter a 1\ncounter b 2\n":    {Name: "b", Hz: 2},
		"read b 1\nup a x\nread b 2\n":  {Links: []link{{Name: "b", Reads: []uint64{1, 2}}, {Name: "a", Up: "x"}}},
		"edge 1 1 of x \"a\\x00\\\"b\"": {Edges: []edge{{1, 1, "x", "a\x00\"b"}}},
	} {
		got, err := read(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	got, err := read("counter a 1\nup x ok\nerror gone\nup y ok\n")
	require.EqualError(t, err, "vmspec/sample: gone")
	require.Equal(t, sample{Name: "a", Hz: 1, Links: []link{{Name: "x", Up: "ok"}}}, got, "what was measured before a failure is kept")
}

func TestTake(t *testing.T) {
	tests := map[string]struct {
		hz   uint64
		err  error
		want string
	}{
		"failed":             {0, errors.New("broken"), "error broken\n"},
		"failed half-way":    {1, errors.New("broken"), "counter a 1\nerror broken\n"},
		"error of two lines": {0, errors.New("one\ntwo"), "error one; two\n"},
		"well":               {1, nil, "counter a 1\n"},
		"nothing":            {0, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var s sample
			got := note.Take(&s, func() error {
				if s.Hz = test.hz; s.Hz > 0 {
					s.Name = "a"
				}
				return test.err
			})
			require.Equal(t, test.want, string(got))
		})
	}
}

// What may crash does so in a child, but a mistake of ours may be anywhere.
func TestTakePanics(t *testing.T) {
	var s sample
	got := note.Take(&s, func() error {
		s.Dead = true
		panic("out of range")
	})
	require.Equal(t, "dead\nerror panic: out of range\n", string(got))
}

// A text cannot end its line, so that nobody writes a line of his own.
func TestTextOfTwoLines(t *testing.T) {
	require.Equal(t, "up a x; error y\n", string(note.Text(&sample{Links: []link{{Name: "a", Up: "x\nerror y"}}})))
}

func TestFreeText(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "a", " a \n\nb\n": " a \n\nb\n"} {
		got := note.FreeText{Name: "n"}
		require.NoError(t, note.Read(fstest.MapFS{"vmspec/n": {Data: []byte(text)}}, &got))
		require.Equal(t, want, got.Text)
	}
	require.Equal(t, "a\nerror b\n", string(note.Take(&note.FreeText{Text: "a"}, func() error { return errors.New("b") })))
}

// Whatever a measurement writes, its failure must not get lost.
func FuzzTake(f *testing.F) {
	for _, files := range guesttest.All(f) {
		for _, n := range []string{"counter", "efi", "timer", "clock"} {
			if text, err := files.ReadFile("vmspec/" + n); err == nil { // no efi without UEFI
				f.Add(string(text), "input/output error", true)
			}
		}
	}
	f.Add("a 1", "killed", true)
	f.Add("", "", true)
	f.Fuzz(func(t *testing.T, written, failure string, failed bool) {
		text := note.Take(&note.FreeText{Text: written}, func() error {
			if failed {
				return errors.New(failure)
			}
			return nil
		})
		err := note.Parse(text, &note.FreeText{})
		if failed {
			require.Error(t, err)
		}
	})
}

// Whatever stands in a note: what was read of it is read again from what is
// written of it.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("read eth1 1\nread eth0 2\ncarrier eth1 1\nup eth1  a  b \nblock AA==\n")
	f.Add("edge 1 2 of x \"\\xff\"\nstuck 9223372036854775807 at 0xffffffffffffffff 0\nerror gone\n")
	f.Fuzz(func(t *testing.T, text string) {
		var first, second sample
		_ = note.Parse([]byte(text), &first) // what stands before an error counts
		require.NoError(t, note.Parse(note.Text(&first), &second))
		require.Equal(t, note.Text(&first), note.Text(&second))
	})
}
