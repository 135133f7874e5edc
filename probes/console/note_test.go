package console

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func portsOf(text string) ([]Port, error) {
	return readPorts(fstest.MapFS{"vmspec/ports": {Data: []byte(text)}})
}

func TestReadPorts(t *testing.T) {
	first := []Port{{"vport1p1", "ok"}}
	tests := map[string]struct {
		text string
		want []Port
		err  string
	}{
		"failed":             {"error hung for 15s\n", nil, "vmspec/ports: hung for 15s"},
		"without a result":   {"port vport1p1 ok\nport vport1p2\n", first, "vmspec/ports: port: no RESULT"},
		"without a name":     {"port\n", nil, "port: no DEVICE"},
		"a word we know not": {"later 1\nport vport1p1 ok\n", first, ""},
		"none":               {"", nil, ""},
		"not opened":         {"port vport1p1 ENXIO no such device\n", []Port{{"vport1p1", "ENXIO no such device"}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := portsOf(test.text)
			require.Equal(t, test.want, got)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
		})
	}
}

// Whatever stands in the note, a port has a result and an error says where.
func FuzzReadPorts(f *testing.F) {
	f.Add("port vport1p1 ok\nport vport1p2 EBUSY device or resource busy\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := portsOf(text)
		for _, p := range got {
			require.NotEmpty(t, p.Result)
		}
		if err != nil {
			require.Contains(t, err.Error(), "vmspec/ports")
		}
	})
}

func inputsOf(text string) ([]Input, error) {
	return readInputs(fstest.MapFS{"vmspec/input": {Data: []byte(text)}})
}

func TestReadInputs(t *testing.T) {
	const asked = "asked ttyAMA0 0a1b2c3d ok\n"
	silent := Input{Terminal: "ttyAMA0", Word: "0a1b2c3d", Asked: "ok"}
	answered := silent
	answered.Typed = "0a1b2c3d\n"
	tests := map[string]struct {
		text string
		want []Input
		err  string
	}{
		"failed":              {"error hung for 15s\n", nil, "vmspec/input: hung for 15s"},
		"typed before asked":  {`typed ttyAMA0 "x"`, []Input{{Terminal: "ttyAMA0", Typed: "x"}}, `vmspec/input: ttyAMA0 typed "x"`},
		"typed elsewhere":     {asked + `typed hvc0 "x"`, []Input{silent, {Terminal: "hvc0", Typed: "x"}}, `vmspec/input: hvc0 typed "x"`},
		"typed without quote": {asked + "typed ttyAMA0 x\n", []Input{silent}, `typed: TEXT: "x" is not a quoted text`},
		"nothing typed":       {asked, []Input{silent}, ""},
		"not asked":           {"asked hvc0 00000000 ENODEV no such device\n", []Input{{Terminal: "hvc0", Word: "00000000", Asked: "ENODEV no such device"}}, ""},
		"a word we know not":  {"later 1\n" + asked, []Input{silent}, ""},
		"answered":            {asked + `typed ttyAMA0 "0a1b2c3d\n"` + "\n", []Input{answered}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := inputsOf(test.text)
			require.Equal(t, test.want, got)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
		})
	}
}

// Whatever stands in the note, an error says where.
func FuzzReadInputs(f *testing.F) {
	f.Add("asked ttyAMA0 0a1b2c3d ok\ntyped ttyAMA0 \"0a1b2c3d\\n\"\n")
	f.Add("typed ttyAMA0 x\nerror gone\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := inputsOf(text); err != nil {
			require.Contains(t, err.Error(), "vmspec/input")
		}
	})
}

// A terminal is quiet whose device's interrupt never came, and only if that can be
// told.
func TestQuiet(t *testing.T) {
	const (
		uart       = "serinfo:1.0 driver revision:\n0: uart:PL011 rev1 mmio:0x09000000 irq:13 tx:354 rx:9 RTS|DTR\n1: uart:PL011 rev1 mmio:0x09040000 irq:14 tx:0 rx:0\n"
		interrupts = " CPU0 CPU1\n13: 0 1 GICv3 33 Level uart-pl011\n14: 0 0 GICv3 34 Level uart-pl011\n"
	)
	for name, c := range map[string]struct {
		terminal, uart, interrupts string
		want                       bool
	}{
		"interrupts came":        {"ttyAMA0", uart, interrupts, false},
		"none came":              {"ttyAMA1", uart, interrupts, true},
		"no such line":           {"ttyAMA2", uart, interrupts, false},
		"no interrupt listed":    {"ttyAMA1", uart, " CPU0\n", false},
		"interrupts unread":      {"ttyAMA1", uart, "junk", false},
		"no driver's file":       {"ttyS1", uart, interrupts, false},
		"not of a serial driver": {"hvc0", uart, interrupts, false},
		"no number":              {"ttyAMA", uart, interrupts, false},
		"without irq":            {"ttyAMA0", "0: uart:PL011 rev1\n", interrupts, false},
	} {
		files := fstest.MapFS{"proc/tty/driver/ttyAMA": {Data: []byte(c.uart)}, "proc/interrupts": {Data: []byte(c.interrupts)}}
		require.Equal(t, c.want, quiet(files, c.terminal), name)
	}
	inputs, err := readInputs(fstest.MapFS{
		"vmspec/input":           {Data: []byte("asked ttyAMA1 0a1b2c3d ok\nasked ttyAMA0 00000000 ok\n")},
		"proc/tty/driver/ttyAMA": {Data: []byte(uart)}, "proc/interrupts": {Data: []byte(interrupts)},
	})
	require.NoError(t, err)
	require.True(t, inputs[0].Quiet)
	require.False(t, inputs[1].Quiet)
}

func TestVirtioConsole(t *testing.T) {
	port := func(result string) []Port { return []Port{{"vport1p1", result}} }
	for name, c := range map[string]struct {
		facts     Facts
		is, known bool
	}{
		"nothing recorded":                {Facts{PortsErr: "not captured"}, false, false},
		"no port":                         {Facts{}, false, true},
		"a port that is none":             {Facts{Ports: port("ok")}, false, true},
		"a port that somebody has open":   {Facts{Ports: port("EBUSY busy")}, false, true},
		"a port that is one":              {Facts{Ports: port("ENXIO no such device or address")}, true, true},
		"a port that could not be opened": {Facts{Ports: port("EACCES permission denied")}, false, false},
		"debugfs says so":                 {Facts{PortsErr: "not captured", PortKinds: map[string]bool{"vport1p0": true, "vport1p1": false}}, true, true},
		"debugfs says no":                 {Facts{PortsErr: "not captured", PortKinds: map[string]bool{"vport1p1": false}}, false, true},
	} {
		is, known := c.facts.VirtioConsole()
		require.Equal(t, c.is, is, name)
		require.Equal(t, c.known, known, name)
	}
}

func TestPortKinds(t *testing.T) {
	const dir = "sys/kernel/debug/virtio-ports/"
	require.Nil(t, portKinds(fstest.MapFS{}))
	require.Equal(t, map[string]bool{"vport0p0": true, "vport0p1": false}, portKinds(fstest.MapFS{
		dir + "vport0p0": {Data: []byte("name: \nis_console: yes\nconsole_vtermno: 1\n")},
		dir + "vport0p1": {Data: []byte("name: a\nis_console: no\n")},
		dir + "vport0p2": {Data: []byte("name: b\n")},
	}))
}
