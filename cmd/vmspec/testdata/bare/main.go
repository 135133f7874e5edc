// Bare is the least a guest can run: it ends the machine. The suite's boots
// are measured against it.
package main

import "syscall"

func main() {
	err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	println("reboot:", err.Error())
	for {
	}
}
