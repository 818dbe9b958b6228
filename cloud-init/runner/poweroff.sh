#!/bin/sh
: >/run/muster/power-off
