package console

import (
	"fmt"
	"io/fs"

	"vmspec/probes/note"
)

// A Port is one of a virtio console that is no terminal, and that the suite
// opened for a moment.
type Port struct {
	Name   string // vport1p1
	Result string // "ok" or the kernel's error, "ENXIO no such device or address"
}

// readPorts reads the note vmspec/ports.
func readPorts(fsys fs.FS) ([]Port, error) {
	var ports []Port
	lines, err := note.Read(fsys, "ports")
	for _, l := range lines {
		if l.Word(0) != "port" {
			continue
		}
		if len(l) < 3 {
			return ports, fmt.Errorf("vmspec/ports: port %s without a result", l.Word(1))
		}
		ports = append(ports, Port{l.Word(1), l.Rest(2)})
	}
	return ports, err
}
