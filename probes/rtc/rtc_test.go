package rtc_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/rtc"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestReadTrial(t *testing.T) {
	tests := map[string]struct {
		text, err string
		want      rtc.Note
	}{
		"failed":               {"error the kernel has no real-time clock\n", "no real-time clock", rtc.Note{}},
		"frequency no number":  {"counter cntvct x\n", "vmspec/clock", rtc.Note{Counter: "cntvct"}},
		"edge without ticks":   {"edge 5\n", "vmspec/clock", rtc.Note{}},
		"edge no number":       {"edge x 1 2\n", "vmspec/clock", rtc.Note{}},
		"edge negative ticks":  {"edge 5 -1 2\n", "vmspec/clock", rtc.Note{}},
		"stuck without ticks":  {"stuck 5\n", "vmspec/clock", rtc.Note{}},
		"failed half-way":      {"rtc rtc0\ncounter cntvct 10\nedge 5 1 2\nerror gone\n", "gone", rtc.Note{Watched: "rtc0", Counter: "cntvct", Hz: 10, Edges: []rtc.Edge{{Seconds: 5, Earliest: 1, Latest: 2}}}},
		"stuck":                {"stuck -5 100\n", "", rtc.Note{Stuck: &rtc.Stuck{Seconds: -5, Ticks: 100}}},
		"before 1970, forward": {"edge -5 1 2\nedge -4 11 12\n", "", rtc.Note{Edges: []rtc.Edge{{Seconds: -5, Earliest: 1, Latest: 2}, {Seconds: -4, Earliest: 11, Latest: 12}}}},
		"a word we know not":   {"later 1\n", "", rtc.Note{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := rtc.Read(fstest.MapFS{"vmspec/clock": file(test.text)})
			require.NoError(t, err)
			require.Equal(t, test.err == "", f.TrialErr == "")
			require.Contains(t, f.TrialErr, test.err)
			require.Equal(t, test.want, f.Note)
		})
	}
}

func TestReadClocks(t *testing.T) {
	f, err := rtc.Read(fstest.MapFS{})
	require.NoError(t, err, "absence is an answer")
	require.Empty(t, f.Clocks)
	require.Nil(t, f.UEFI())

	_, err = rtc.Read(fstest.MapFS{"sys/class/rtc/rtc0/date": file("")})
	require.ErrorIs(t, err, fs.ErrNotExist, "a clock without a name")
	_, err = rtc.Read(failingFS{errors.ErrUnsupported})
	require.ErrorIs(t, err, errors.ErrUnsupported)

	f, err = rtc.Read(fstest.MapFS{"sys/class/rtc/rtc0/name": file("rtc-pl031 9010000.pl031\n"), "sys/class/rtc/rtc1/name": file("rtc-efi rtc-efi.0\n")})
	require.NoError(t, err)
	require.Equal(t, []rtc.Clock{{Device: "rtc0", Name: "rtc-pl031 9010000.pl031"}, {Device: "rtc1", Name: "rtc-efi rtc-efi.0"}}, f.Clocks)
	require.Equal(t, "rtc1", f.UEFI().Device)
}

func TestRate(t *testing.T) {
	edge := func(seconds int64, earliest, latest uint64) rtc.Edge {
		return rtc.Edge{Seconds: seconds, Earliest: earliest, Latest: latest}
	}
	tests := map[string]struct {
		hz          uint64
		edges       []rtc.Edge
		least, most float64
		ok          bool
	}{
		"no edges":                {100, nil, 0, 0, false},
		"one edge":                {100, []rtc.Edge{edge(1, 0, 1)}, 0, 0, false},
		"frequency unknown":       {0, []rtc.Edge{edge(1, 0, 1), edge(2, 100, 101)}, 0, 0, false},
		"edges that overlap":      {100, []rtc.Edge{edge(1, 0, 100), edge(2, 90, 110)}, 0, 0, false},
		"edges that touch":        {100, []rtc.Edge{edge(1, 0, 100), edge(2, 100, 110)}, 0, 0, false},
		"counter that ran back":   {100, []rtc.Edge{edge(1, 100, 110), edge(2, 0, 10)}, 0, 0, false},
		"exact":                   {100, []rtc.Edge{edge(1, 0, 0), edge(2, 100, 100)}, 1, 1, true},
		"within bounds":           {100, []rtc.Edge{edge(1, 0, 25), edge(2, 75, 200)}, 0.5, 2, true},
		"half as fast":            {100, []rtc.Edge{edge(1, 0, 0), edge(2, 200, 200)}, 0.5, 0.5, true},
		"the furthest of exact":   {100, []rtc.Edge{edge(1, 0, 0), edge(9, 1, 1), edge(3, 200, 200)}, 1, 1, true},
		"a first edge seen late":  {100, []rtc.Edge{edge(1, 0, 90), edge(2, 99, 100), edge(3, 199, 200)}, 100. / 101, 100. / 99, true},
		"clock that stands still": {100, []rtc.Edge{edge(1, 0, 0), edge(2, 1, 1), edge(1, 100, 100)}, 0, 0, true},
		"clock that ran back":     {100, []rtc.Edge{edge(2, 0, 25), edge(1, 75, 200)}, -2, -0.5, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := rtc.Note{Hz: test.hz, Edges: test.edges}
			least, most, ok := f.Rate()
			require.Equal(t, test.ok, ok)
			require.Equal(t, test.least, least)
			require.Equal(t, test.most, most)
		})
	}
}

func TestWrong(t *testing.T) {
	edge := func(seconds int64, earliest, latest uint64) rtc.Edge {
		return rtc.Edge{Seconds: seconds, Earliest: earliest, Latest: latest}
	}
	tests := map[string]struct {
		edges []rtc.Edge
		want  int
	}{
		"no edges":                       {nil, 0},
		"one edge":                       {[]rtc.Edge{edge(1, 0, 1)}, 0},
		"right":                          {[]rtc.Edge{edge(1, 0, 1), edge(2, 100, 101), edge(3, 200, 201)}, 0},
		"edges that touch":               {[]rtc.Edge{edge(1, 0, 100), edge(9, 100, 110)}, 0},
		"counter that ran back":          {[]rtc.Edge{edge(1, 100, 110), edge(2, 0, 10)}, 0},
		"not known to be off":            {[]rtc.Edge{edge(1, 0, 25), edge(2, 75, 200), edge(3, 175, 300)}, 0},
		"half as fast, seen once":        {[]rtc.Edge{edge(1, 0, 1), edge(2, 200, 201)}, 1},
		"half as fast":                   {[]rtc.Edge{edge(1, 0, 1), edge(2, 200, 201), edge(3, 400, 401)}, 2},
		"twice as fast":                  {[]rtc.Edge{edge(1, 0, 1), edge(3, 100, 101), edge(5, 200, 201)}, 2},
		"set once":                       {[]rtc.Edge{edge(1, 0, 1), edge(61, 100, 101), edge(62, 200, 201), edge(63, 300, 301)}, 1},
		"set between two right seconds":  {[]rtc.Edge{edge(1, 0, 1), edge(2, 100, 101), edge(62, 200, 201), edge(63, 300, 301)}, 1},
		"not let run for a while":        {[]rtc.Edge{edge(1, 0, 1), edge(2, 600, 601), edge(3, 700, 701)}, 1},
		"running backward":               {[]rtc.Edge{edge(9, 0, 1), edge(8, 100, 101), edge(7, 200, 201)}, 2},
		"off, by bounds that are narrow": {[]rtc.Edge{edge(1, 0, 60), edge(2, 190, 210), edge(3, 400, 401)}, 2},
	}
	for name, test := range tests {
		f := rtc.Note{Hz: 100, Edges: test.edges}
		require.Equal(t, test.want, f.Wrong(0.05), name)
	}
	f := rtc.Note{Edges: tests["half as fast"].edges}
	require.Zero(t, f.Wrong(0.05), "frequency unknown")
}

func TestReadCaptured(t *testing.T) {
	for name, clock := range map[string]string{"qemu-virt-gicv2": "rtc-pl031 9010000.pl031", "qemu-virt-uefi-gicv3": "rtc-efi rtc-efi.0"} {
		f, err := rtc.Read(guesttest.Open(t, name))
		require.NoError(t, err)
		require.Empty(t, f.TrialErr)
		require.Equal(t, []rtc.Clock{{Device: "rtc0", Name: clock, Set: true}}, f.Clocks)
		least, most, ok := f.Rate()
		require.True(t, ok)
		require.InDelta(t, 1, least, 0.05)
		require.InDelta(t, 1, most, 0.05)
	}
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func TestUEFI(t *testing.T) {
	for name, want := range map[string]bool{
		"rtc-efi rtc-efi.0": true, "rtc-efi rtc-efi": true, "platform rtc-efi.0": true, "rtc_efi rtc_efi.0": true,
		"rtc-pl031 9010000.pl031": false, "rtc_cmos rtc_cmos": false, "": false, "efi": false,
	} {
		f := rtc.Facts{Clocks: []rtc.Clock{{Device: "rtc0", Name: name}}}
		require.Equal(t, want, f.UEFI() != nil, name)
	}
}

func TestAnswered(t *testing.T) {
	clock := &rtc.Clock{Device: "rtc0"}
	for err, want := range map[string]string{
		"": "", "vmspec/clock: not captured": "",
		"read sys/class/rtc/rtc0/since_epoch: invalid argument":        "invalid argument",
		"read sys/class/rtc/rtc0/since_epoch: input/output error":      "input/output error",
		"read sys/class/rtc/rtc0/since_epoch: device or resource busy": "",
		"read sys/class/rtc/rtc1/since_epoch: invalid argument":        "",
	} {
		f := rtc.Facts{TrialErr: err}
		require.Equal(t, want, f.Answered(clock), err)
	}
}

func TestReadSet(t *testing.T) {
	files := fstest.MapFS{
		"sys/class/rtc/rtc0/name": {Data: []byte("rtc-efi rtc-efi.0\n")}, "sys/class/rtc/rtc1/name": {Data: []byte("rtc-pl031 9010000.pl031\n")},
		"vmspec/kmsg": {Data: []byte("[    0.9] rtc-efi rtc-efi.0: setting system clock to 2026-11-26T00:13:56 UTC (1795652036)\n")},
	}
	f, err := rtc.Read(files)
	require.NoError(t, err)
	require.True(t, f.Clocks[0].Set)
	require.False(t, f.Clocks[1].Set)
	files["vmspec/kmsg"] = &fstest.MapFile{Data: []byte("[    0.9] rtc-efi rtc-efi.0: hctosys: unable to read the hardware clock\n")}
	files["sys/class/rtc/rtc0/hctosys"] = &fstest.MapFile{Data: []byte("0\n")}
	files["sys/class/rtc/rtc1/hctosys"] = &fstest.MapFile{Data: []byte("1\n")}
	f, err = rtc.Read(files)
	require.NoError(t, err)
	require.False(t, f.Clocks[0].Set)
	require.True(t, f.Clocks[1].Set)
}
