#!/bin/sh
echo "brought to $(hostname)"
