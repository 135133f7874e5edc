package device

import (
	"strconv"
	"strings"
)

// parseProbeErrors reads from the kernel's log which devices' probes failed, and
// with which error number. Its message was "DRIVER: probe of DEVICE failed with
// error -N", and since Linux 6.9 it is "DRIVER DEVICE: probe with driver DRIVER
// failed with error -N" (drivers/base/dd.c, call_driver_probe).
func parseProbeErrors(log string) map[string]int {
	const message = " failed with error -"
	out := map[string]int{}
	for {
		before, rest, ok := strings.Cut(log, message)
		if !ok {
			return out
		}
		log = rest
		line := before[strings.LastIndexByte(before, '\n')+1:]
		number := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		if n, err := strconv.ParseUint(number, 10, 12); err == nil {
			if name := probed(line); name != "" {
				out[name] = int(n)
			}
		}
	}
}

// probed returns the device's name in a message's part before its error.
func probed(line string) string {
	if _, name, ok := strings.Cut(line, "probe of "); ok {
		return name
	}
	names, _, ok := strings.Cut(line, ": probe with driver ")
	if !ok {
		return ""
	}
	return names[strings.LastIndexByte(names, ' ')+1:]
}
